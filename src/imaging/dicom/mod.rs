//! One DICOM file: what it is, and its frames when asked.
