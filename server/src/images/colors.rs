//! Transforms that ask what colours are.

use abi_core::images::{BlackAndWhite, ImageError, TrimColor};
use image::{Rgba, RgbaImage, imageops};

use super::error;

/// Takes a border of one colour off.
pub(super) fn trim(image: &RgbaImage, what: TrimColor) -> Result<RgbaImage, ImageError> {
    let color = match what.color {
        Some(color) => {
            let [r, g, b] = color.rgb;
            [r, g, b, (color.alpha * 255.0).round() as u8]
        }
        None => image.get_pixel(0, 0).0,
    };
    let stays = |pixel: &Rgba<u8>| difference(pixel.0, color) > what.threshold;
    let (width, height) = image.dimensions();
    let row = |y: &u32| (0..width).any(|x| stays(image.get_pixel(x, *y)));
    let (Some(top), Some(bottom)) = ((0..height).find(row), (0..height).rev().find(row)) else {
        return Err(error("parameter `trim-color`: nothing would be left"));
    };
    let column = |x: &u32| (top..=bottom).any(|y| stays(image.get_pixel(*x, y)));
    // A row that stays has a pixel that stays.
    let left = (0..width).find(column).unwrap_or(0);
    let right = (0..width).rev().find(column).unwrap_or(width - 1);
    let (width, height) = (right - left + 1, bottom - top + 1);
    Ok(imageops::crop_imm(image, left, top, width, height).to_image())
}

/// How far apart two colours are, from 0 to 1.
fn difference(one: [u8; 4], other: [u8; 4]) -> f64 {
    let squares = one.iter().zip(other).map(|(one, other)| {
        let difference = f64::from(one.abs_diff(other)) / 255.0;
        difference * difference
    });
    (squares.sum::<f64>() / 4.0).sqrt()
}

/// The luma of ITU-R BT.709.
pub(super) fn luma([r, g, b]: [f64; 3]) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Leaves black and white; what is transparent stays so.
pub(super) fn black_and_white(image: &mut RgbaImage, what: BlackAndWhite) {
    match what {
        BlackAndWhite::Threshold(percent) => {
            let threshold = percent / 100.0 * 255.0;
            for pixel in image.pixels_mut() {
                set(pixel, luma_of(pixel) >= threshold);
            }
        }
        BlackAndWhite::Atkinson => dither(image),
    }
}

fn luma_of(Rgba([r, g, b, _]): &Rgba<u8>) -> f64 {
    luma([*r, *g, *b].map(f64::from))
}

fn set(Rgba([r, g, b, _]): &mut Rgba<u8>, is_white: bool) {
    [*r, *g, *b] = [if is_white { 255 } else { 0 }; 3];
}

/// Gives an eighth of each pixel's error to six of its neighbours.
fn dither(image: &mut RgbaImage) {
    let width = image.width() as usize;
    // Of this row and the two below; two places on either side are outside.
    let mut errors = vec![vec![0.0; width + 4]; 3];
    for row in image.rows_mut() {
        for (x, pixel) in row.enumerate() {
            let x = x + 2;
            let value = luma_of(pixel) + errors[0][x];
            let is_white = value >= 127.5;
            set(pixel, is_white);
            let share = (value - if is_white { 255.0 } else { 0.0 }) / 8.0;
            for (below, x) in [
                (0, x + 1),
                (0, x + 2),
                (1, x - 1),
                (1, x),
                (1, x + 1),
                (2, x),
            ] {
                errors[below][x] += share;
            }
        }
        errors.rotate_left(1);
        errors[2].fill(0.0);
    }
}
