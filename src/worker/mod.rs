//! Both ends of the process boundary.
