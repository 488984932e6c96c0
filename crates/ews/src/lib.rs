//! Exchange Web Services behind the ports, over an abstract HTTP service.
