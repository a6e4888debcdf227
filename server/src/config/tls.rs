//! `[local_server.tls]`: with what clients are spoken to over TLS.

use super::backends::{authorities, one_of};
use super::files::Folder;
use super::reader::{Result, Value};
use crate::serve::ServerTls;

pub(super) fn read(value: &Value<'_>, folder: &Folder) -> Result<ServerTls> {
    let mut table = value.table()?;
    let asked = table.get("client_ca_certificate");
    let asked = asked.map(|value| authorities(&value, folder)).transpose()?;
    let self_signed = table.get("self_signed").map(|value| value.bool());
    let tls = if self_signed.transpose()?.unwrap_or(false) {
        ServerTls::new_self_signed(asked)
    } else {
        let chain = one_of(&mut table, folder, "certificate", "certificate_file")?;
        let key = one_of(&mut table, folder, "key", "key_file")?;
        ServerTls::new(&chain, &key, asked)
    };
    // Beside `self_signed` a certificate is one key too many.
    table.refuse_unknown()?;
    tls.map_err(|error| value.problem(error.to_string()))
}
