//! An Exchange organisation in memory, with the ports and EWS over HTTP as its faces.
