//! Test tools: chain harness, scripted upstream, README runner.
