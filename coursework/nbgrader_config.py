# For nbgrader, in the folder that holds source/ (the one that `make coursework` writes, or the unpacked bundle).
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "ganprune"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.ExecutePreprocessor.timeout = 3600  # seconds for one cell: lesson 4 trains, and the machine may be busy
c.ExecutePreprocessor.startup_timeout = 120
