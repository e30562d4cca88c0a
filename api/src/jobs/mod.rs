//! Jobs: the worker, the sweep, the schedule.
