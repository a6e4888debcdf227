//! Transforming images with the codecs of this process.

mod pixels;

use std::io::Cursor;
use std::sync::Arc;

use abi_core::images::{
    Format, ImageError, ImageTransformer, Orientation, RESULT_SIDE_MAX, SOURCE_SIDE_MAX, Transform,
    TransformedImage,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// The most memory that decoding one image may take, in bytes.
const DECODED_BYTES_MAX: u64 = 640 * 1024 * 1024;

/// The quality of JPEG that is written where no other is asked for.
const QUALITY_DEFAULT: u8 = 85;

/// Transforms images on threads that may block, as many at once as there are cores.
#[derive(Clone, Debug)]
pub struct LocalImages {
    runtime: Handle,
    permits: Arc<Semaphore>,
}

impl LocalImages {
    /// A transformer that works on the threads of `runtime`.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            runtime,
            permits: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl ImageTransformer for LocalImages {
    fn transform(
        &self,
        image: Bytes,
        what: Transform,
    ) -> BoxFuture<'static, Result<TransformedImage, ImageError>> {
        let Self { runtime, permits } = self.clone();
        Box::pin(async move {
            let permit = permits.acquire_owned().await;
            let permit = permit.map_err(|_| error("the host is ending"))?;
            let work = runtime.spawn_blocking(move || {
                let _until_the_end = permit;
                transform(&image, &what)
            });
            work.await
                .unwrap_or_else(|_| Err(error("the host could not transform it")))
        })
    }
}

fn error(why: impl Into<String>) -> ImageError {
    ImageError(why.into())
}

fn transform(bytes: &[u8], what: &Transform) -> Result<TransformedImage, ImageError> {
    let (image, source_format) = decode(bytes, what.orientation)?;
    let source_dimensions = image.dimensions();
    let image = pixels::transform(image, what)?;
    let dimensions = image.dimensions();
    if dimensions.0.max(dimensions.1) > RESULT_SIDE_MAX {
        return Err(error("the result has more than 8192 pixels on a side"));
    }
    let format = what.format.unwrap_or(source_format);
    let bytes = encode(image, format, what)
        .map_err(|why| error(format!("the result could not be encoded: {why}")))?;
    Ok(TransformedImage {
        bytes: bytes.into(),
        format,
        dimensions,
        source_format,
        source_dimensions,
    })
}

fn decode(
    bytes: &[u8],
    orientation: Option<Orientation>,
) -> Result<(RgbaImage, Format), ImageError> {
    let undecodable = |why| error(format!("the image could not be decoded: {why}"));
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|why| error(why.to_string()))?;
    let format = match reader.format() {
        Some(ImageFormat::Gif) => Format::Gif,
        Some(ImageFormat::Jpeg) => Format::Jpeg,
        Some(ImageFormat::Png) => Format::Png,
        Some(ImageFormat::WebP) => Format::WebP,
        _ => return Err(error("the response is none of GIF, JPEG, PNG and WebP")),
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(SOURCE_SIDE_MAX);
    limits.max_image_height = Some(SOURCE_SIDE_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    let exif = match orientation {
        Some(Orientation::Exif(_)) => image::metadata::Orientation::NoTransforms,
        // Metadata that cannot be read turn nothing.
        None => decoder
            .orientation()
            .unwrap_or(image::metadata::Orientation::NoTransforms),
    };
    let mut image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    image.apply_orientation(exif);
    Ok((image.into_rgba8(), format))
}

fn encode(image: RgbaImage, format: Format, what: &Transform) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let is_opaque = image.pixels().all(|pixel| pixel.0[3] == 255);
    let image = DynamicImage::ImageRgba8(image);
    match format {
        Format::Jpeg => {
            let white = pixels::over(image.into_rgba8(), [255; 3], 1.0);
            let quality = what.quality.unwrap_or(QUALITY_DEFAULT).max(1);
            let opaque = DynamicImage::ImageRgba8(white).into_rgb8();
            opaque.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
        }
        Format::Gif => image.write_to(&mut bytes, ImageFormat::Gif)?,
        other => {
            let format = match other {
                Format::WebP => ImageFormat::WebP,
                _ => ImageFormat::Png,
            };
            if is_opaque {
                image.into_rgb8().write_to(&mut bytes, format)?;
            } else {
                image.write_to(&mut bytes, format)?;
            }
        }
    }
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests;
