"""What the solver costs and how right it is: scripts that measure, print a table and fail where a goal is missed."""
