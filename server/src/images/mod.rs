//! Transforming images with the codecs of this process.
//!
//! `decode` reads an image, `pixels` and `colors` change it, `encode` writes it; `memory` says what that takes, and `limits`
//! has what all of them may use.

mod colors;
mod decode;
mod encode;
mod limits;
mod memory;
mod pixels;

use abi_core::images::{
    ImageError, ImageTransformer, RESULT_SIDE_MAX, Transform, TransformedImage,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use decode::Source;

/// Transforms images on threads that may block: in the whole process as many at once as there are cores, and as have room in
/// 2 GiB of memory.
#[derive(Clone, Debug)]
pub struct LocalImages {
    runtime: Handle,
}

impl LocalImages {
    /// A transformer that works on the threads of `runtime`.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self { runtime }
    }
}

impl ImageTransformer for LocalImages {
    fn transform(
        &self,
        image: Bytes,
        what: Transform,
    ) -> BoxFuture<'static, Result<TransformedImage, ImageError>> {
        let runtime = self.runtime.clone();
        Box::pin(async move {
            let core = limits::core().await?;
            let work = runtime.clone().spawn_blocking(move || {
                let _until_the_end = core;
                let source = Source::open(&image)?;
                // Whoever has memory has a core as well, so that this ends.
                let _memory = runtime.block_on(limits::memory(source.memory_for(&what)))?;
                transform_source(source, &what)
            });
            work.await
                .unwrap_or_else(|_| Err(error("the host could not transform it")))
        })
    }
}

fn error(why: impl Into<String>) -> ImageError {
    ImageError(why.into())
}

/// Transforms an encoded image on this thread, which takes as long as it takes.
///
/// # Errors
///
/// [`ImageError`] when the bytes are no image that is read here, or what is asked for cannot be done to it.
pub fn transform(bytes: &[u8], what: &Transform) -> Result<TransformedImage, ImageError> {
    transform_source(Source::open(bytes)?, what)
}

fn transform_source(source: Source<'_>, what: &Transform) -> Result<TransformedImage, ImageError> {
    let (bytes, source_format) = (source.bytes, source.format);
    let is_lossless = source.is_lossless();
    let decoded = source.decode(what)?;
    let source_dimensions = decoded.dimensions;
    let mut frames = decoded.frames;
    let mut pixels = 0;
    for frame in &mut frames {
        let image = std::mem::take(&mut frame.image);
        frame.image = pixels::transform(image, what)?;
        let (width, height) = frame.image.dimensions();
        if width.max(height) > RESULT_SIDE_MAX {
            return Err(error("the result has more than 8192 pixels on a side"));
        }
        pixels += u64::from(width) * u64::from(height);
        if pixels > decode::FRAME_PIXELS_MAX {
            return Err(error(
                "the frames of the result have too many pixels together",
            ));
        }
    }
    let dimensions = frames
        .first()
        .map_or((0, 0), |frame| frame.image.dimensions());
    let target = encode::Target::of(what, source_format, is_lossless, dimensions)?;
    let encoded = encode::encode(frames, &target)
        .map_err(|why| error(format!("the result could not be encoded: {why}")))?;
    let mut transformed = TransformedImage {
        bytes: encoded.into(),
        format: target.format,
        dimensions,
        source_format,
        source_dimensions,
        warnings: decoded.warnings,
    };
    if asks_for_quality_alone(what) && transformed.bytes.len() > bytes.len() {
        transformed.bytes = Bytes::copy_from_slice(bytes);
    }
    Ok(transformed)
}

/// Whether nothing but another quality is asked for: an image that would grow by it stays as it was.
fn asks_for_quality_alone(what: &Transform) -> bool {
    let alone = Transform {
        quality: what.quality,
        ..Transform::default()
    };
    what.quality.is_some() && *what == alone
}

#[cfg(test)]
mod tests;
