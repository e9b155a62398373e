"""Made-up persons in a twin build: can it be told who was put in?"""
