"""Making a conda environment: through a conda that is on the machine, or through py-rattler, which needs none."""
