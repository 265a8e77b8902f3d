//! Key images as lines of text. Names nobody: a study is known by its alias and by keyed hashes.

use crate::chat::Marks;

/// One starred slice.
pub(super) struct KeyImageRow {
    pub(super) case: String,
    pub(super) marks: Option<Marks>,
    pub(super) modality: String,
    pub(super) slice: usize,
    pub(super) num_slices: usize,
}

/// A header and a line each (CSV, RFC 4180).
pub(super) fn key_images_table(rows: &[KeyImageRow]) -> String {
    let mut table = "case,study,series,frame,modality,slice,slices,note\r\n".to_owned();
    for row in rows {
        let (study, series, frame) = match &row.marks {
            Some(marks) => (&*marks.study, &*marks.series, &*marks.frame),
            None => ("", "", ""),
        };
        // a modality is a code of letters; what else a file has there is left out
        let modality: String = row.modality.chars().filter(char::is_ascii_alphanumeric).collect();
        let (case, slice, slices) = (&row.case, row.slice, row.num_slices);
        let line = format!(
            "{case},{study},{series},{frame},{modality},{slice},{slices},research use only\r\n"
        );
        table.push_str(&line);
    }
    table
}
