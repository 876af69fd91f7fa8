"""What the pipeline costs on AWS: the prices of a region, what a measured load costs, and what a month costs."""
