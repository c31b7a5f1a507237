"""What a person writes: world tables, the policy library and scenario files; data only, nothing enters, everything is read by `sim.spec`."""
