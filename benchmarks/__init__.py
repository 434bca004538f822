"""What a night costs, against the same marts computed by hand-written SQL; see README.md."""
