"""Training: of DCGANs, U-Nets and the classifier, and of pruned pairs."""
