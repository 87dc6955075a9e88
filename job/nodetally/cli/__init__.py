"""The command line: click; errors become text and exit code here, nowhere else."""
