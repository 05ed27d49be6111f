"""From a run folder to figures and a report to sign."""
