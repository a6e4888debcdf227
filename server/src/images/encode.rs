//! From pixels to encoded images.

use std::io::Cursor;

use abi_core::images::{Format, ImageError, Optimize, Transform};
use image::codecs::gif::{GifEncoder, Repeat};
use image::{DynamicImage, ImageFormat, RgbaImage};

use super::decode::Frame;
use super::{error, pixels};

/// The quality of JPEG and WebP where no other is asked for.
const QUALITY_DEFAULT: u8 = 85;

/// The quality of AVIF where no other is asked for: on its scale, what looks like the other one.
#[cfg(feature = "avif")]
const AVIF_QUALITY_DEFAULT: u8 = 70;

/// How many pixels an AVIF may have: encoding it takes about a second for every million.
const AVIF_PIXELS_MAX: u64 = 16 * 1024 * 1024;

/// How much memory encoding AVIF takes for every pixel, in bytes.
const AVIF_BYTES_PER_PIXEL: u64 = 48;

/// How much memory encoding WebP with loss takes for every pixel, in bytes: most of it is for the
/// numbers of all blocks, which are counted before the first one is written.
const WEBP_BYTES_PER_PIXEL: u64 = 48;

/// How much memory encoding any other format takes for every pixel, in bytes: copies in the order of the codec, its
/// coefficients, and what is written.
const BYTES_PER_PIXEL: u64 = 16;

/// How the palettes of GIF are made, from 1, thorough, to 30, fast.
const GIF_SPEED: i32 = 10;

/// How an image is to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub format: Format,
    is_lossless: bool,
    is_progressive: bool,
    quality: Option<u8>,
}

impl Target {
    /// How what was asked for is written, for an image that came in `source` and now has these dimensions.
    pub(super) fn of(
        what: &Transform,
        source: Format,
        source_is_lossless: bool,
        (width, height): (u32, u32),
    ) -> Result<Self, ImageError> {
        let fits = |format| match format {
            Format::Avif => u64::from(width) * u64::from(height) <= AVIF_PIXELS_MAX,
            _ => true,
        };
        let optimized = what.optimize.map(|optimize| match optimize {
            Optimize::Low => 90,
            Optimize::Medium => 80,
            Optimize::High => 65,
        });
        let base = what.format.unwrap_or(source);
        let base_is_lossless = match base {
            Format::Gif | Format::Png => true,
            Format::WebP => what.lossless.unwrap_or(source_is_lossless),
            _ => false,
        };
        let mut target = Self {
            format: base,
            is_lossless: base_is_lossless,
            is_progressive: what.progressive,
            quality: what.quality.or(optimized),
        };
        let mut accepted = what.accepted.iter().copied();
        if let Some(format) = accepted.find(|format| is_written(*format) && fits(*format)) {
            target.format = format;
            if format == Format::WebP {
                target.quality = what.automatic_webp_quality.or(target.quality);
            }
        } else if base == Format::WebP && what.lossless.is_none() && what.quality.is_some() {
            target.is_lossless = false;
        }
        if !is_written(target.format) {
            let name = target.format.name();
            return Err(error(format!(
                "parameter `format`: this build does not write {name}"
            )));
        }
        if !fits(target.format) {
            return Err(error(
                "parameter `format`: AVIF is written up to 16 million pixels",
            ));
        }
        target.check_loss(what)?;
        Ok(target)
    }

    /// A build without the encoder for WebP with loss writes it without, unless loss was asked for.
    fn check_loss(&mut self, what: &Transform) -> Result<(), ImageError> {
        if cfg!(feature = "webp") || self.format != Format::WebP || self.is_lossless {
            return Ok(());
        }
        if what.lossless == Some(false) || self.quality.is_some() {
            return Err(error(
                "parameter `format`: this build writes WebP only without loss",
            ));
        }
        self.is_lossless = true;
        Ok(())
    }

    fn quality(&self) -> u8 {
        self.quality.unwrap_or(QUALITY_DEFAULT)
    }
}

/// Whether this build has an encoder for a format.
const fn is_written(format: Format) -> bool {
    cfg!(feature = "avif") || !matches!(format, Format::Avif)
}

/// Whether all frames of an image in `source` are written: no single one is asked for, and nothing but a format of several
/// frames.
pub(super) fn may_move(what: &Transform, source: Format) -> bool {
    what.accepted.is_empty() && what.frame.is_none() && what.format.unwrap_or(source) == Format::Gif
}

/// How many bytes encoding a result of so many pixels takes at most beside these, of an image that came in `source`.
pub(super) fn memory_for(what: &Transform, source: Format, pixels: u64) -> u64 {
    let asked = what.format.unwrap_or(source);
    let formats = what.accepted.iter().copied().chain([asked]);
    let bytes = formats.map(|format| match format {
        Format::Avif if is_written(format) => pixels.min(AVIF_PIXELS_MAX) * AVIF_BYTES_PER_PIXEL,
        Format::WebP if what.lossless != Some(true) => pixels * WEBP_BYTES_PER_PIXEL,
        _ => pixels * BYTES_PER_PIXEL,
    });
    bytes.max().unwrap_or(0)
}

type Encoded = Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;

/// Writes an image: of an animation all frames where the format has them.
pub(super) fn encode(mut frames: Vec<Frame>, target: &Target) -> Encoded {
    if target.format == Format::Gif {
        return gif(frames);
    }
    frames.truncate(1);
    let Some(frame) = frames.pop() else {
        return Err("there is no frame".into());
    };
    let image = frame.image;
    match target.format {
        Format::Avif => avif(&image, target.quality),
        Format::Jpeg => jpeg(image, target),
        Format::WebP if !target.is_lossless => webp(&image, target.quality()),
        Format::WebP => without_loss(image, ImageFormat::WebP),
        _ => without_loss(image, ImageFormat::Png),
    }
}

fn gif(frames: Vec<Frame>) -> Encoded {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, GIF_SPEED);
    if frames.len() > 1 {
        encoder.set_repeat(Repeat::Infinite)?;
    }
    for Frame { image, delay } in frames {
        encoder.encode_frame(image::Frame::from_parts(image, 0, 0, delay))?;
    }
    drop(encoder);
    Ok(bytes)
}

fn jpeg(image: RgbaImage, target: &Target) -> Encoded {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, target.quality());
    encoder.set_progressive(target.is_progressive);
    let opaque = DynamicImage::ImageRgba8(pixels::over(image, [255; 3], 1.0)).into_rgb8();
    let (width, height) = opaque.dimensions();
    encoder.encode(
        &opaque,
        u16::try_from(width)?,
        u16::try_from(height)?,
        jpeg_encoder::ColorType::Rgb,
    )?;
    Ok(bytes)
}

/// Writes a format that has both opaque and transparent pixels.
fn without_loss(image: RgbaImage, format: ImageFormat) -> Encoded {
    let mut bytes = Cursor::new(Vec::new());
    let is_opaque = image.pixels().all(|pixel| pixel.0[3] == 255);
    let image = DynamicImage::ImageRgba8(image);
    if is_opaque {
        image.into_rgb8().write_to(&mut bytes, format)?;
    } else {
        image.write_to(&mut bytes, format)?;
    }
    Ok(bytes.into_inner())
}

#[cfg(feature = "webp")]
fn webp(image: &RgbaImage, quality: u8) -> Encoded {
    let (width, height) = image.dimensions();
    let encoder = webp::Encoder::from_rgba(image, width, height);
    let encoded = encoder.encode_simple(false, f32::from(quality));
    let encoded = encoded.map_err(|why| format!("{why:?}"))?;
    Ok(encoded.to_vec())
}

#[cfg(not(feature = "webp"))]
fn webp(_image: &RgbaImage, _quality: u8) -> Encoded {
    Err("this build writes WebP only without loss".into())
}

#[cfg(feature = "avif")]
fn avif(image: &RgbaImage, quality: Option<u8>) -> Encoded {
    /// From 1, thorough, to 10, fast.
    const SPEED: u8 = 10;
    let quality = f32::from(quality.unwrap_or(AVIF_QUALITY_DEFAULT));
    let pixels: Vec<ravif::RGBA8> = image.pixels().map(|pixel| pixel.0.into()).collect();
    let (width, height) = image.dimensions();
    let encoder = ravif::Encoder::new()
        .with_quality(quality)
        .with_alpha_quality(quality)
        .with_speed(SPEED)
        .with_num_threads(Some(1));
    let encoded = encoder.encode_rgba(ravif::Img::new(&pixels, width as usize, height as usize))?;
    Ok(encoded.avif_file)
}

#[cfg(not(feature = "avif"))]
fn avif(_image: &RgbaImage, _quality: Option<u8>) -> Encoded {
    Err("this build does not write AVIF".into())
}
