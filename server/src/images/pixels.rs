//! The transforms, in the order in which they are applied.

use abi_core::images::{
    Adjustment, Area, Crop, Filter, Fit, ImageError, Length, Offset, Orientation, RESULT_SIDE_MAX,
    Sharpen, Transform,
};
use image::imageops::{self, FilterType};
use image::{DynamicImage, Rgba, RgbaImage};
use resize::px::RGBA;

use super::{colors, error};

type Result<T> = std::result::Result<T, ImageError>;

pub(super) fn transform(mut image: RgbaImage, what: &Transform) -> Result<RgbaImage> {
    if let Some(color) = what.trim_color {
        image = colors::trim(&image, color)?;
    }
    if let Some(area) = what.precrop {
        image = crop(&image, area)?;
    }
    if let Some(sides) = what.trim {
        image = trim(&image, sides)?;
    }
    if let Some(area) = what.crop {
        image = crop(&image, area)?;
    }
    if let Some(Orientation::Exif(number)) = what.orientation {
        image = orient(image, number);
    }
    image = resize(image, what)?;
    if let Some(sides) = what.pad {
        image = pad(&image, sides)?;
    }
    if let Some(area) = what.canvas {
        image = canvas(&image, area)?;
    }
    if let Some(color) = what.background {
        image = over(image, color.rgb, color.alpha);
    }
    adjust(&mut image, what.adjustment);
    if let Some(sharpen) = what.sharpen {
        image = sharpened(image, sharpen);
    }
    if let Some(radius) = what.blur {
        let radius = radius.of(image.width()).min(1_000.0);
        if radius >= 0.5 {
            image = imageops::fast_blur(&image, radius as f32);
        }
    }
    if let Some(kind) = what.black_and_white {
        colors::black_and_white(&mut image, kind);
    }
    Ok(image)
}

/// Width, height and position, in pixels, of an area on an image; it may reach over the image.
fn place(image: &RgbaImage, crop: Crop, grow: bool) -> Result<(u32, u32, i64, i64)> {
    let (width, height) = image.dimensions();
    let (full_width, full_height) = (f64::from(width), f64::from(height));
    let (area_width, area_height) = match crop.area {
        Area::Size(x, y) => (x.of(width), y.of(height)),
        // The largest within the image, or the smallest around it.
        Area::Ratio(x, y) if (full_width * y > full_height * x) != grow => {
            (full_height * x / y, full_height)
        }
        Area::Ratio(x, y) => (full_width, full_width * y / x),
    };
    let (area_width, area_height) = (pixels(area_width)?, pixels(area_height)?);
    let x = position(crop.x, width, area_width, grow);
    let y = position(crop.y, height, area_height, grow);
    Ok((area_width, area_height, x, y))
}

fn position(offset: Offset, side: u32, area: u32, grow: bool) -> i64 {
    let (side_, area_) = (f64::from(side), f64::from(area));
    let left_over = if grow { area_ - side_ } else { side_ - area_ };
    let position = match offset {
        Offset::Centre => left_over / 2.0,
        Offset::At(length) => length.of(side),
        Offset::Share(percent) => left_over * percent / 100.0,
    };
    position.floor() as i64
}

/// A side of at least one pixel.
fn pixels(length: f64) -> Result<u32> {
    let length = length.round().max(1.0);
    if length > f64::from(2 * RESULT_SIDE_MAX) {
        return Err(error("it would have far more than 8192 pixels on a side"));
    }
    Ok(length as u32)
}

fn crop(image: &RgbaImage, what: Crop) -> Result<RgbaImage> {
    let (width, height, x, y) = place(image, what, false)?;
    let (right, bottom) = (x + i64::from(width), y + i64::from(height));
    let (full_width, full_height) = (i64::from(image.width()), i64::from(image.height()));
    let reaches_over = x < 0 || y < 0 || right > full_width || bottom > full_height;
    if reaches_over && !what.safe {
        return Err(error("parameter `crop`: the area reaches over the image"));
    }
    let (x, y) = (x.clamp(0, full_width - 1), y.clamp(0, full_height - 1));
    let (right, bottom) = (
        right.clamp(x + 1, full_width),
        bottom.clamp(y + 1, full_height),
    );
    let cut = [x, y, right - x, bottom - y].map(|number| number as u32);
    Ok(imageops::crop_imm(image, cut[0], cut[1], cut[2], cut[3]).to_image())
}

fn trim(image: &RgbaImage, sides: [Length; 4]) -> Result<RgbaImage> {
    let (width, height) = image.dimensions();
    let [top, right, bottom, left] = in_pixels((width, height), sides);
    match (
        width.checked_sub(left.saturating_add(right)),
        height.checked_sub(top.saturating_add(bottom)),
    ) {
        (Some(width @ 1..), Some(height @ 1..)) => {
            Ok(imageops::crop_imm(image, left, top, width, height).to_image())
        }
        _ => Err(error("parameter `trim`: nothing would be left")),
    }
}

fn in_pixels((width, height): (u32, u32), [top, right, bottom, left]: [Length; 4]) -> [u32; 4] {
    let lengths = [
        top.of(height),
        right.of(width),
        bottom.of(height),
        left.of(width),
    ];
    lengths.map(|length| length.round() as u32)
}

fn orient(image: RgbaImage, number: u8) -> RgbaImage {
    let orientation = image::metadata::Orientation::from_exif(number);
    let mut image = DynamicImage::ImageRgba8(image);
    image.apply_orientation(orientation.unwrap_or(image::metadata::Orientation::NoTransforms));
    image.into_rgba8()
}

/// Which dimensions an image of these is to have.
pub(super) fn target(dimensions: (u32, u32), what: &Transform) -> Result<(u32, u32)> {
    let ratio = what.device_pixel_ratio.unwrap_or(1.0);
    let (full_width, full_height) = (f64::from(dimensions.0), f64::from(dimensions.1));
    let width = what.width.map(|width| width.of(dimensions.0) * ratio);
    let height = what.height.map(|height| height.of(dimensions.1) * ratio);
    let (mut width, mut height) = match (width, height) {
        (None, None) => (full_width * ratio, full_height * ratio),
        (Some(width), None) => (width, full_height * width / full_width),
        (None, Some(height)) => (full_width * height / full_height, height),
        (Some(width), Some(height)) => (width, height),
    };
    let scales = (width / full_width, height / full_height);
    let scale = match fit(what) {
        Some(Fit::Bounds) => Some(scales.0.min(scales.1)),
        Some(Fit::Cover) => Some(scales.0.max(scales.1)),
        Some(Fit::Crop) | None => None,
    };
    if let Some(scale) = scale {
        (width, height) = (full_width * scale, full_height * scale);
    }
    if !what.upscale {
        let shrink = (full_width / width).min(full_height / height).min(1.0);
        (width, height) = (width * shrink, height * shrink);
    }
    let (width, height) = (pixels(width)?, pixels(height)?);
    if width.max(height) > RESULT_SIDE_MAX {
        return Err(error("the result has more than 8192 pixels on a side"));
    }
    Ok((width, height))
}

/// How an image is fitted into what is asked for, which has to be both width and height.
fn fit(what: &Transform) -> Option<Fit> {
    what.fit
        .filter(|_| what.width.is_some() && what.height.is_some())
}

fn resize(image: RgbaImage, what: &Transform) -> Result<RgbaImage> {
    let (width, height) = target(image.dimensions(), what)?;
    if fit(what) == Some(Fit::Crop) {
        let cut = crop(
            &image,
            Crop {
                area: Area::Ratio(width.into(), height.into()),
                x: Offset::Centre,
                y: Offset::Centre,
                safe: true,
            },
        )?;
        // `memory` counts no more than two of this size at once, and resampling may make a copy.
        drop(image);
        return resample(&cut, (width, height), what.filter);
    }
    if (width, height) == image.dimensions() {
        return Ok(image);
    }
    resample(&image, (width, height), what.filter)
}

/// Gives an image other dimensions.
fn resample(image: &RgbaImage, (width, height): (u32, u32), filter: Filter) -> Result<RgbaImage> {
    let filter = match filter {
        Filter::Nearest => FilterType::Nearest,
        Filter::Bilinear => FilterType::Triangle,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos2 => return lanczos2(image, (width, height)),
        Filter::Lanczos3 => FilterType::Lanczos3,
    };
    Ok(imageops::resize(image, width, height, filter))
}

/// The filter that the image crate has not.
fn lanczos2(image: &RgbaImage, (width, height): (u32, u32)) -> Result<RgbaImage> {
    let (full_width, full_height) = (image.width() as usize, image.height() as usize);
    let filter = resize::Filter::new(Box::new(lanczos2_weight), 2.0);
    let filter = resize::Type::Custom(filter);
    let format = resize::Pixel::RGBA8P;
    let (new_width, new_height) = (width as usize, height as usize);
    let made = resize::new(
        full_width,
        full_height,
        new_width,
        new_height,
        format,
        filter,
    );
    let before: Vec<_> = image
        .pixels()
        .map(|Rgba([red, green, blue, alpha])| RGBA::new(*red, *green, *blue, *alpha))
        .collect();
    let mut after = vec![RGBA::new(0, 0, 0, 0); new_width * new_height];
    made.and_then(|mut resizer| resizer.resize(&before, &mut after))
        .map_err(|cause| error(format!("it cannot be given other dimensions: {cause}")))?;
    let mut pixels = after.into_iter();
    Ok(RgbaImage::from_fn(width, height, |_, _| {
        // There are as many as the image has, row by row, which is how they are asked for.
        let pixel = pixels.next().unwrap_or_default();
        Rgba([pixel.r, pixel.g, pixel.b, pixel.a])
    }))
}

/// What a pixel counts at a distance: a sinc, within a window of two that is one, too.
fn lanczos2_weight(distance: f32) -> f32 {
    let sinc = |x: f32| match x * std::f32::consts::PI {
        0.0 => 1.0,
        angle => angle.sin() / angle,
    };
    match distance.abs() < 2.0 {
        true => sinc(distance) * sinc(distance / 2.0),
        false => 0.0,
    }
}

/// Puts an image on a transparent area.
fn put(image: &RgbaImage, (width, height): (u32, u32), (x, y): (i64, i64)) -> Result<RgbaImage> {
    if width.max(height) > RESULT_SIDE_MAX {
        return Err(error("the result has more than 8192 pixels on a side"));
    }
    let mut area = RgbaImage::new(width, height);
    imageops::replace(&mut area, image, x, y);
    Ok(area)
}

fn pad(image: &RgbaImage, sides: [Length; 4]) -> Result<RgbaImage> {
    let [top, .., left] = in_pixels(image.dimensions(), sides);
    let padded = padded(image.dimensions(), sides);
    put(image, padded, (left.into(), top.into()))
}

/// The dimensions of an image of these with so much on its sides.
pub(super) fn padded((width, height): (u32, u32), sides: [Length; 4]) -> (u32, u32) {
    let [top, right, bottom, left] = in_pixels((width, height), sides);
    (
        width.saturating_add(left).saturating_add(right),
        height.saturating_add(top).saturating_add(bottom),
    )
}

fn canvas(image: &RgbaImage, what: Crop) -> Result<RgbaImage> {
    let (width, height, x, y) = place(image, what, true)?;
    put(image, (width, height), (x, y))
}

/// Puts a colour of some opacity behind an image.
pub(super) fn over(mut image: RgbaImage, color: [u8; 3], alpha: f64) -> RgbaImage {
    for Rgba([pixel @ .., opacity]) in image.pixels_mut() {
        let front = f64::from(*opacity) / 255.0;
        let back = alpha * (1.0 - front);
        let both = front + back;
        if both > 0.0 {
            for (part, behind) in pixel.iter_mut().zip(color) {
                *part = byte((f64::from(*part) * front + f64::from(behind) * back) / both);
            }
        }
        *opacity = byte(both * 255.0);
    }
    image
}

fn adjust(image: &mut RgbaImage, adjustment: Adjustment) {
    if adjustment == Adjustment::default() {
        return;
    }
    let brightness = adjustment.brightness / 100.0 * 255.0;
    let contrast = ((100.0 + adjustment.contrast) / 100.0).powi(2);
    let saturation = (100.0 + adjustment.saturation) / 100.0;
    for Rgba([r, g, b, _]) in image.pixels_mut() {
        let mut rgb = [*r, *g, *b].map(|part| (f64::from(part) + brightness).clamp(0.0, 255.0));
        rgb = rgb.map(|part| ((part - 127.5) * contrast + 127.5).clamp(0.0, 255.0));
        let luma = colors::luma(rgb);
        [*r, *g, *b] = rgb.map(|part| byte(luma + (part - luma) * saturation));
    }
}

fn sharpened(mut image: RgbaImage, what: Sharpen) -> RgbaImage {
    let blurred = imageops::fast_blur(&image, what.radius as f32);
    for (pixel, soft) in image.pixels_mut().zip(blurred.pixels()) {
        for (part, soft) in pixel.0.iter_mut().zip(soft.0).take(3) {
            let difference = f64::from(*part) - f64::from(soft);
            if difference.abs() >= what.threshold {
                *part = byte(f64::from(*part) + difference * what.amount);
            }
        }
    }
    image
}

fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
