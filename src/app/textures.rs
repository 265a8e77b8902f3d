//! Pictures on the graphics card, made once for each frame and window.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use egui::{ColorImage, Context, TextureFilter, TextureHandle, TextureOptions};

use super::frames::LoadedFrame;
use crate::imaging::{Channels, ColorMap, DisplayImage, FrameRef, Grayscale};

const MAX_BYTES: usize = 256 << 20;

/// Textures of frames and of small pictures.
#[derive(Default)]
pub(crate) struct TextureCache(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    /// Least recently drawn first.
    frames: Vec<FrameTexture>,
    pictures: HashMap<usize, PictureTexture>,
}

struct PictureTexture {
    image: Arc<DisplayImage>,
    smooth: Option<TextureHandle>,
    /// Pixels are not blended.
    squares: Option<TextureHandle>,
}

/// How a frame is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Look {
    pub(crate) grayscale: Grayscale,
    pub(crate) color_map: ColorMap,
}

impl Look {
    /// As a model is given it.
    pub(crate) fn grey(grayscale: Grayscale) -> Self {
        Self { grayscale, color_map: ColorMap::Grey }
    }
}

struct FrameTexture {
    frame_ref: FrameRef,
    look: Look,
    /// Pixels are not blended.
    squares: bool,
    handle: TextureHandle,
    bytes: usize,
}

impl TextureCache {
    /// The texture of a frame, made if need be.
    pub(crate) fn frame(
        &self,
        ctx: &Context,
        frame_ref: &FrameRef,
        look: &Look,
        squares: bool,
        loaded: &LoadedFrame,
    ) -> TextureHandle {
        let mut inner = self.0.borrow_mut();
        let known = inner.frames.iter().position(|entry| {
            entry.frame_ref == *frame_ref && entry.squares == squares && entry.look == *look
        });
        if let Some(idx) = known {
            let entry = inner.frames.remove(idx);
            let handle = entry.handle.clone();
            inner.frames.push(entry);
            return handle;
        }
        let shown = look.color_map.apply(look.grayscale.render(&loaded.frame));
        let image = color_image(&fitting(ctx, &shown));
        let bytes = image.pixels.len() * 4;
        let magnification = magnification(squares);
        let options = TextureOptions { magnification, ..TextureOptions::LINEAR };
        let handle = ctx.load_texture("frame", image, options);
        inner.frames.push(FrameTexture {
            frame_ref: frame_ref.clone(),
            look: look.clone(),
            squares,
            handle: handle.clone(),
            bytes,
        });
        inner.make_room();
        handle
    }

    /// The texture of a small picture that does not change.
    pub(crate) fn picture(&self, ctx: &Context, image: &Arc<DisplayImage>) -> TextureHandle {
        self.picture_as(ctx, image, false)
    }

    /// The same; with `squares` its pixels are not blended.
    pub(crate) fn picture_as(
        &self,
        ctx: &Context,
        image: &Arc<DisplayImage>,
        squares: bool,
    ) -> TextureHandle {
        let mut inner = self.0.borrow_mut();
        // the picture is kept with its texture, so its address stays its own
        let entry = inner.pictures.entry(Arc::as_ptr(image).addr()).or_insert_with(|| {
            PictureTexture { image: Arc::clone(image), smooth: None, squares: None }
        });
        let handle = if squares { &mut entry.squares } else { &mut entry.smooth };
        let made = handle.get_or_insert_with(|| {
            let magnification = magnification(squares);
            let options = TextureOptions { magnification, ..TextureOptions::LINEAR };
            ctx.load_texture("picture", color_image(&fitting(ctx, image)), options)
        });
        made.clone()
    }

    /// Lets go of small pictures nobody else holds.
    pub(crate) fn sweep(&self) {
        self.0.borrow_mut().pictures.retain(|_, entry| Arc::strong_count(&entry.image) > 1);
    }
}

impl Inner {
    fn make_room(&mut self) {
        let mut bytes: usize = self.frames.iter().map(|entry| entry.bytes).sum();
        while bytes > MAX_BYTES && self.frames.len() > 2 {
            bytes -= self.frames.remove(0).bytes;
        }
    }
}

fn magnification(squares: bool) -> TextureFilter {
    if squares { TextureFilter::Nearest } else { TextureFilter::Linear }
}

/// Graphics cards have a largest texture; beyond it the picture is shown smaller.
fn fitting<'a>(ctx: &Context, image: &'a DisplayImage) -> Cow<'a, DisplayImage> {
    let max_side = u32::try_from(ctx.input(|i| i.max_texture_side)).unwrap_or(u32::MAX);
    if image.width.max(image.height) > max_side {
        Cow::Owned(image.resized_to_fit(max_side))
    } else {
        Cow::Borrowed(image)
    }
}

fn color_image(image: &DisplayImage) -> ColorImage {
    let size = [image.width as usize, image.height as usize];
    match image.channels {
        Channels::Gray => ColorImage::from_gray(size, &image.pixels),
        Channels::Rgb => ColorImage::from_rgb(size, &image.pixels),
    }
}
