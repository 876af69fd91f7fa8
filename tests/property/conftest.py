from hypothesis import settings

# Deadlines would be timed tests; the machine's load is not our subject.
settings.register_profile("here", deadline=None)
settings.load_profile("here")
