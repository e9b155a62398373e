"""Made-up persons in a canary build: can it be told who was put in?"""
