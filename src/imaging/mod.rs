//! A file on disk becomes a picture.
//!
//! The story of a pixel: `walk` looks for files in folders, in what a DICOMDIR names (`dicomdir`)
//! and in ZIP archives (`archive`); `open` asks `dicom` (or `raster`) what each of them is, reading
//! through `source`; `series` sorts the answers into Study → Series → Instance, and `doubts` says
//! what is odd about them. Later `read_frame` takes one frame out of one file: `dicom` finds its
//! bytes, `codec` decompresses them, `dicom` masks, signs and colours them into the stored values
//! of a [`Frame`]. [`Grayscale::render`] then applies the modality LUT, the VOI LUT and the
//! polarity, in the standard's order, and gives the [`DisplayImage`] that the reader and the model
//! both see.
//!
//! A regular stack of slices is also a `volume`, which gives frames of other planes.
//!
//! What else a file holds, its elements and documents, is read by `contents`.
//!
//! Beside this way lies another: `deidentify` writes DICOM files again without what identifies a
//! person, their pixels as they are.
//!
//! Nothing here trusts a file: every length is checked against the bytes that are there before
//! anything is allocated, nesting is walked without recursion, and a codec is called only when
//! its own header agrees with the file's.

#![warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]

mod study;

mod archive;
mod dicomdir;
mod open;
mod source;
mod walk;

mod apart;
mod doubts;
mod facts;
mod series;

mod codec;
mod dicom;
mod raster;

mod frame;
mod frame_info;
mod samples;

mod grayscale;
mod loss;
mod modality_lut;
mod window;
mod window_choice;

mod alter;
mod color_map;
mod display_image;
mod geometry;
mod laid_over;
mod measure;
mod picture_file;
mod similarity;
mod turned;

mod volume;

mod contents;
mod deidentify;

mod error;
mod privacy;

pub use alter::{Alteration, MID_GREY};
pub use archive::{is_archive_file, is_there};
pub use color_map::ColorMap;
pub use contents::{
    Aspect, Contents, Document, DocumentKind, DocumentLine, ElementFilter, ElementRow, Embedded,
    FileElements, HIDDEN, ImagePlane, LineKind, Presentation, PresentedMarks, PresentedWindow,
    ReferencedImage, SEGMENTATION_STORAGE, Segment, SegmentFrame, Segmentation, read_contents,
};
pub use deidentify::{Deidentified, DeidentifyError, DeidentifyOptions, SeriesWarning, deidentify};
pub use display_image::{Channels, DisplayImage};
pub use error::{Fault, OpenError};
pub use frame::Frame;
pub use frame_info::{FrameInfo, TextInPixels};
pub use geometry::{FrameGeometry, OrientationLabels, Plane, orientation_labels};
pub use grayscale::{Grayscale, VoiChoice, VoiLut, VoiTable};
pub use laid_over::{LaidOver, bar_values, number, round_length, scale_label, window_words};
pub use loss::{Clipped, ViewLoss, percent};
pub use measure::{
    Figures, Point, ProbeValue, Quantity, Region, Scale, Shape, ShapeKind, Spread, SuvKind,
    UltrasoundRegion, Uptake,
};
pub use modality_lut::ModalityLut;
pub use open::{OpenProgress, OpenWarning, Opened, open_paths, parse_image_path, read_frame};
pub use picture_file::{PictureFormat, PictureNotes};
pub use privacy::alias;
pub use raster::{frame_from_picture_bytes, frame_from_rgba};
pub use samples::Samples;
pub use similarity::Similarity;
pub use study::{FrameRef, Instance, Patient, Series, Study};
pub use turned::Turned;
pub use volume::{
    Cut, CutPlane, LEAST_SLICES, MAX_VOLUME_BYTES, NoVolume, PlaneStack, Projection, REFORMATTED,
    Slab, Stack, Volume, VolumeError, VolumeGrid,
};
pub use window::{VoiLutFunction, Window};
pub use window_choice::{CT_PRESETS, Preset, WindowChoice, WindowReport};
