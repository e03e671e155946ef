"""Jobs of a sweep on other machines: on Ray, on Slurm."""
