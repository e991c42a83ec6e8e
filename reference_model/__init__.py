"""Events of an Arm machine, the machine itself, and what it is allowed to hold."""
