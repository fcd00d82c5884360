//! Zones that are written while they are served.
