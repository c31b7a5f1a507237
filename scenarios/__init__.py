"""What a person writes: world tables, policies and scenario files; data only, read by `sim.spec`."""
