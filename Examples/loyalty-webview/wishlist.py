"""What a customer wishes for, by the id of the profile at NewStore."""
WISHES = {"6e8f3f23-117e-481c-b99e-7440f07b4960": {"name": "Emma Larsen", "wishes": [
    {"title": "Wool coat, camel, 38", "detail": "Two here, one in the window"},
    {"title": "Silk scarf, petrol", "detail": "Here"},
    {"title": "Ankle boots, black, 39", "detail": "In the shop at the station"},
]}}


def wishes(question):
    """None for an unknown customer."""
    profile = question.get("profileId")
    return {"customer": WISHES.get(profile) if isinstance(profile, str) else None}
