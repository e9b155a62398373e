"""Shadow attack: whether reruns of the generator without a person differ detectably from reruns with them."""
