"""The soak (浸泡): hundreds of faults under load, none of which may have an effect."""
