"""Whether rerunning the generator without a person shows in what it writes."""
