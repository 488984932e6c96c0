//! What every implementation of the ports must do, as one suite that is run against each of them.
