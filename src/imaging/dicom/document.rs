//! A file without pictures → the text a reader reads.

use std::path::Path;

use dicom_core::{Tag, VR};
use dicom_object::InMemDicomObject;

use super::{
    super::{
        contents::{Document, DocumentKind, DocumentLine, LineKind, ReferencedImage},
        deidentify::identifies,
        error::{Fault, OpenError},
        privacy::printable_up_to,
        source::Source,
    },
    embedded::embedded,
    file::DicomFile,
    object::{integer_of, items_of, numbers_of, text, texts_of},
    presentation::presentation,
    report::{concept_name, report},
};

/// Lines of one document.
pub(super) const MAX_LINES: usize = 5_000;
/// Characters of one value.
const MAX_TEXT: usize = 8_192;

/// What the whole of a document is about: names and the attributes they are read from.
const FACTS: &[(&str, Tag, VR)] = &[
    ("Completion", Tag(0x0040, 0xA491), VR::CS),
    ("Verification", Tag(0x0040, 0xA493), VR::CS),
    ("Content date", Tag(0x0008, 0x0023), VR::DA),
    ("Content time", Tag(0x0008, 0x0033), VR::TM),
    ("Label", Tag(0x0070, 0x0080), VR::CS),
    ("Description", Tag(0x0070, 0x0081), VR::LO),
    ("Created", Tag(0x0070, 0x0082), VR::DA),
    ("Creator", Tag(0x0070, 0x0084), VR::PN),
    ("Burned-in annotation", Tag(0x0028, 0x0301), VR::CS),
];

/// Read a document.
pub(in super::super) fn read_document(path: &Path) -> Result<Document, OpenError> {
    let (file, bytes, scan) = DicomFile::open_with_elements(Source::open(path)?, path)?;
    let Some(kind) = DocumentKind::of(&file.sop_class_uid) else {
        let none = Fault::Unsupported("it is no report and no document".to_owned());
        return Err(none.at(path));
    };
    let object = &file.object;
    let mut pages = Pages::default();
    match kind {
        DocumentKind::Report | DocumentKind::KeyObjects => report(object, &mut pages),
        DocumentKind::PresentationState => presentation_lines(object, &mut pages),
        DocumentKind::Pdf | DocumentKind::Cda | DocumentKind::Model => {}
    }
    Ok(Document {
        kind,
        title: title(object, kind),
        facts: facts(object),
        lines: pages.lines,
        references: pages.references,
        left_out: pages.left_out,
        embedded: embedded(&file, &bytes, &scan.nodes),
        presentation: (kind == DocumentKind::PresentationState)
            .then(|| Box::new(presentation(object))),
    })
}

/// Document Title, else the concept that the document is named by, else its kind.
fn title(object: &InMemDicomObject, kind: DocumentKind) -> DocumentLine {
    let own = text(object, Tag(0x0042, 0x0010)).and_then(|title| lines_of(&title));
    let identifies = own.is_some();
    let value = own.or_else(|| concept_name(object));
    DocumentLine {
        depth: 0,
        kind: LineKind::Heading,
        name: kind.name().to_owned(),
        value: value.unwrap_or_default(),
        identifies,
        reference: None,
    }
}

fn facts(object: &InMemDicomObject) -> Vec<DocumentLine> {
    let fact = |&(name, tag, vr): &(&str, Tag, VR)| {
        let value = lines_of(&texts_of(object, tag).join(" "))?;
        Some(line(0, name.to_owned(), value, identifies(tag, vr, false)))
    };
    FACTS.iter().filter_map(fact).collect()
}

/// A name and its value.
pub(super) fn line(depth: usize, name: String, value: String, identifies: bool) -> DocumentLine {
    DocumentLine { depth, kind: LineKind::Value, name, value, identifies, reference: None }
}

/// Text fit to be drawn, its line breaks kept.
pub(super) fn lines_of(text: &str) -> Option<String> {
    let rows = text.lines().map(|row| printable_up_to(row, MAX_TEXT).unwrap_or_default());
    let joined: String = rows.collect::<Vec<_>>().join("\n").chars().take(MAX_TEXT).collect();
    let trimmed = joined.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Lines and references as they are collected.
#[derive(Default)]
pub(super) struct Pages {
    lines: Vec<DocumentLine>,
    references: Vec<ReferencedImage>,
    left_out: usize,
}

impl Pages {
    pub(super) fn push(&mut self, line: DocumentLine) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        } else {
            self.left_out += 1;
        }
    }

    /// A line for each object, or frame of it, that an item of a sequence refers to.
    pub(super) fn refer(&mut self, depth: usize, name: &str, item: &InMemDicomObject) {
        let Some(uid) = text(item, Tag(0x0008, 0x1155)) else { return };
        let frames = numbers_of(item, Tag(0x0008, 0x1160));
        let of_frame = |number: &f64| format!("{number:.0}").parse::<u32>().ok();
        let mut numbers: Vec<Option<u32>> =
            frames.iter().map(of_frame).filter(Option::is_some).collect();
        if numbers.is_empty() {
            numbers.push(None);
        }
        for frame_number in numbers {
            let image = ReferencedImage { sop_instance_uid: uid.clone(), frame_number };
            let reference = self.place_of(image);
            let frame = frame_number.map(|number| format!(" frame {number}")).unwrap_or_default();
            self.push(DocumentLine {
                depth,
                kind: LineKind::Reference,
                name: name.to_owned(),
                value: format!("{uid}{frame}"),
                identifies: true,
                reference: Some(reference),
            });
        }
    }

    /// An image that is referred to twice is listed once.
    fn place_of(&mut self, image: ReferencedImage) -> usize {
        let known = self.references.iter().position(|other| *other == image);
        known.unwrap_or_else(|| {
            self.references.push(image);
            self.references.len() - 1
        })
    }
}

/// What a presentation state asks for, and of which images (PS3.3 A.33).
fn presentation_lines(object: &InMemDicomObject, pages: &mut Pages) {
    let codes = |tag: Tag| texts_of(object, tag).join(" ");
    if let Some(shape) = lines_of(&codes(Tag(0x2050, 0x0020))) {
        pages.push(line(0, "Presentation LUT shape".to_owned(), shape, false));
    }
    for item in items_of(object, Tag(0x0028, 0x3110)) {
        let value = |tag: Tag| texts_of(item, tag).join(" ");
        let (center, width) = (value(Tag(0x0028, 0x1050)), value(Tag(0x0028, 0x1051)));
        let table = items_of(item, Tag(0x0028, 0x3010)).len();
        let value = if table > 0 { "VOI LUT".to_owned() } else { format!("{center} / {width}") };
        pages.push(line(0, "Window centre / width".to_owned(), value, false));
    }
    let rotation = integer_of(object, Tag(0x0070, 0x0042)).unwrap_or(0);
    if rotation != 0 {
        pages.push(line(0, "Rotation".to_owned(), format!("{rotation} degrees"), false));
    }
    if text(object, Tag(0x0070, 0x0041)).as_deref() == Some("Y") {
        pages.push(line(0, "Flip".to_owned(), "horizontally".to_owned(), false));
    }
    for layer in items_of(object, Tag(0x0070, 0x0001)) {
        let graphics = items_of(layer, Tag(0x0070, 0x0009)).len();
        let texts = items_of(layer, Tag(0x0070, 0x0008)).len();
        let value = format!("graphics {graphics}, texts {texts}");
        pages.push(line(0, "Annotation".to_owned(), value, false));
    }
    for series in items_of(object, Tag(0x0008, 0x1115)) {
        for image in items_of(series, Tag(0x0008, 0x1140)) {
            pages.refer(0, "Image", image);
        }
    }
}
