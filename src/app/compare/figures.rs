//! How near a drawing comes to its original, in figures.

use egui::{Label, RichText, Ui};

use super::super::run_reconstruct::Compared;
use super::super::theme;
use crate::imaging::Similarity;

/// A row for the drawing and one for the codec alone.
pub(crate) fn figures_ui(ui: &mut Ui, compared: &Compared<'_>) {
    let palette = theme::palette(ui);
    let drawing = compared.drawing;
    let codec = drawing.ceiling.as_ref().and_then(|codec| codec.similarity.as_ref());
    let rows = [("Reconstruction", drawing.similarity.as_ref()), ("Codec alone", codec)];
    let rows: Vec<_> = rows.into_iter().filter_map(|(name, s)| Some((name, s?))).collect();
    if rows.is_empty() {
        return;
    }
    let columns = [
        ("MAE", "Mean of absolute differences, in grey levels of 255; 0 for equal pictures"),
        ("PSNR", "Peak signal to noise; higher is nearer"),
        ("SSIM", "Structural similarity; 1 for equal pictures"),
    ];
    egui::Grid::new("figures").num_columns(4).spacing([18.0, 2.0]).min_row_height(18.0).show(
        ui,
        |ui| {
            ui.label("");
            for (column, hint) in columns {
                let text = RichText::new(column).size(11.5).color(palette.faint);
                ui.label(text).on_hover_text(hint);
            }
            ui.end_row();
            for (name, similarity) in rows {
                ui.label(RichText::new(name).size(12.0).color(palette.dim));
                for ((column, _), value) in columns.into_iter().zip(values(similarity)) {
                    let text = RichText::new(&value).monospace().size(12.0);
                    ui.label(text).accessible_name(format!("{name}: {column} {value}"));
                }
                ui.end_row();
            }
        },
    );
    let text = "Against the picture the model was asked to rebuild: similarity, not correctness.";
    ui.add(Label::new(RichText::new(text).size(11.5).color(palette.faint)).wrap());
}

/// "MAE 7.31 · PSNR 24.1 dB · SSIM 0.812".
pub(crate) fn figures(similarity: &Similarity) -> String {
    let [mae, psnr, ssim] = values(similarity);
    format!("MAE {mae} · PSNR {psnr} · SSIM {ssim}")
}

fn values(similarity: &Similarity) -> [String; 3] {
    let psnr = similarity.psnr_db.map_or("∞".to_owned(), |decibels| format!("{decibels:.1} dB"));
    let ssim = similarity.ssim.map_or("–".to_owned(), |ssim| format!("{ssim:.3}"));
    [format!("{:.2}", similarity.mae), psnr, ssim]
}
