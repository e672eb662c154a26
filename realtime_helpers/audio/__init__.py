"""Audio in and out: formats, sources, sinks, and the play-head. Importing it needs no sound library."""
