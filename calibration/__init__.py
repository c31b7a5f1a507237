"""Observed series and a parameter file enter; fitted parameters, forecasts and their skill scores leave."""
