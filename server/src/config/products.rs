//! `[local_server.products]`: what the service has beside the platform itself.

use abi_core::session::Products;

use super::reader::{Result, Value};

pub(super) fn read(value: &Value<'_>) -> Result<Products> {
    let mut table = value.table()?;
    let image_optimizer = table.get("image_optimizer");
    let image_optimizer = image_optimizer.map(|value| value.bool()).transpose()?;
    let mut flag = |name| table.get(name).map_or(Ok(false), |value| value.bool());
    let products = Products {
        domain_inspector: flag("domain_inspector")?,
        image_optimizer,
        origin_inspector: flag("origin_inspector")?,
    };
    table.refuse_unknown()?;
    Ok(products)
}
