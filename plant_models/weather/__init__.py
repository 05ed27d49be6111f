"""Weather by the hour: synthetic years of a climate, files of a year, psychrometrics."""
