"""An experiment of millions of events, evaluated from a store."""
