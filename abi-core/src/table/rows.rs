//! The rows of the hostcall table: data, one row a hostcall.
//!
//! A row is a kind, a name and the parameters as the guest passes them. The kinds:
//!
//! * `sync`: a function in `abi/` of the same module and name, which never waits;
//! * `async`: an `async fn` there, which may wait;
//! * `exit`: a `sync` function without a result, which never returns to the guest;
//! * `unsupported`: no function yet; the guest gets UNSUPPORTED.

/// Calls a macro of yours with every row of the hostcall table.
///
/// The macro gets `module { kind name(parameter: Type, …); … } …`; the types are those of [`crate::table::types`].
#[macro_export]
macro_rules! for_each_hostcall {
    ($callback:ident) => {
        $callback! {
            fastly_abi {
                sync init(abi_version: u64);
            }
            fastly_http_req {
                sync body_downstream_get(
                    request_handle_out: GuestPtr<RequestHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
                sync cache_override_set(h: RequestHandle, tag: u32, ttl: u32, stale_while_revalidate: u32);
                sync cache_override_v2_set(
                    h: RequestHandle, tag: u32, ttl: u32, stale_while_revalidate: u32, sk: GuestPtr<u8>, sk_len: u32
                );
                sync cache_override_v3_set(h: RequestHandle, tag: u32, cache_override_ptr: GuestPtr<CacheOverride>);
                sync downstream_client_ip_addr(addr_octets_out: GuestPtr<u8>, out: GuestPtr<u32>);
                sync downstream_server_ip_addr(addr_octets_out: GuestPtr<u8>, out: GuestPtr<u32>);
                sync downstream_client_h2_fingerprint(
                    h2fp_out: GuestPtr<u8>, h2fp_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_client_request_id(
                    reqid_out: GuestPtr<u8>, reqid_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_client_oh_fingerprint(
                    ohfp_out: GuestPtr<u8>, ohfp_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_client_ddos_detected(out: GuestPtr<u32>);
                sync downstream_tls_cipher_openssl_name(
                    cipher_out: GuestPtr<u8>, cipher_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_protocol(
                    protocol_out: GuestPtr<u8>, protocol_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_client_hello(
                    chello_out: GuestPtr<u8>, chello_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_raw_client_certificate(
                    raw_client_cert_out: GuestPtr<u8>, raw_client_cert_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_client_cert_verify_result(out: GuestPtr<u32>);
                sync downstream_tls_ja3_md5(cja3_md5_out: GuestPtr<u8>, out: GuestPtr<u32>);
                sync downstream_tls_ja4(ja4_out: GuestPtr<u8>, ja4_max_len: u32, nwritten_out: GuestPtr<u32>);
                sync downstream_compliance_region(
                    region_out: GuestPtr<u8>, region_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync new(out: GuestPtr<RequestHandle>);
                sync header_names_get(
                    h: RequestHandle, buf: GuestPtr<u8>, buf_len: u32, cursor: u32, ending_cursor_out: GuestPtr<i64>,
                    nwritten_out: GuestPtr<u32>
                );
                sync original_header_names_get(
                    buf: GuestPtr<u8>, buf_len: u32, cursor: u32, ending_cursor_out: GuestPtr<i64>,
                    nwritten_out: GuestPtr<u32>
                );
                sync original_header_count(out: GuestPtr<u32>);
                sync header_value_get(
                    h: RequestHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync header_values_get(
                    h: RequestHandle, name: GuestPtr<u8>, name_len: u32, buf: GuestPtr<u8>, buf_len: u32,
                    cursor: u32, ending_cursor_out: GuestPtr<i64>, nwritten_out: GuestPtr<u32>
                );
                sync header_values_set(
                    h: RequestHandle, name: GuestPtr<u8>, name_len: u32, values: GuestPtr<u8>, values_len: u32
                );
                sync header_insert(
                    h: RequestHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_len: u32
                );
                sync header_append(
                    h: RequestHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_len: u32
                );
                sync header_remove(h: RequestHandle, name: GuestPtr<u8>, name_len: u32);
                sync method_get(h: RequestHandle, buf: GuestPtr<u8>, buf_len: u32, nwritten_out: GuestPtr<u32>);
                sync method_set(h: RequestHandle, method: GuestPtr<u8>, method_len: u32);
                sync uri_get(h: RequestHandle, buf: GuestPtr<u8>, buf_len: u32, nwritten_out: GuestPtr<u32>);
                sync uri_set(h: RequestHandle, uri: GuestPtr<u8>, uri_len: u32);
                sync version_get(h: RequestHandle, out: GuestPtr<u32>);
                sync version_set(h: RequestHandle, version: u32);
                async send(
                    h: RequestHandle, b: BodyHandle, backend: GuestPtr<u8>, backend_len: u32,
                    response_handle_out: GuestPtr<ResponseHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
                async send_v2(
                    h: RequestHandle, b: BodyHandle, backend: GuestPtr<u8>, backend_len: u32,
                    error_detail: GuestPtr<SendErrorDetail>, response_handle_out: GuestPtr<ResponseHandle>,
                    body_handle_out: GuestPtr<BodyHandle>
                );
                async send_v3(
                    h: RequestHandle, b: BodyHandle, backend: GuestPtr<u8>, backend_len: u32,
                    error_detail: GuestPtr<SendErrorDetail>, response_handle_out: GuestPtr<ResponseHandle>,
                    body_handle_out: GuestPtr<BodyHandle>
                );
                sync send_async(
                    h: RequestHandle, b: BodyHandle, backend: GuestPtr<u8>, backend_len: u32,
                    out: GuestPtr<PendingRequestHandle>
                );
                sync send_async_v2(
                    h: RequestHandle, b: BodyHandle, backend: GuestPtr<u8>, backend_len: u32, streaming: u32,
                    out: GuestPtr<PendingRequestHandle>
                );
                sync send_async_streaming(
                    h: RequestHandle, b: BodyHandle, backend: GuestPtr<u8>, backend_len: u32,
                    out: GuestPtr<PendingRequestHandle>
                );
                sync pending_req_header_insert(
                    h: PendingRequestHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_len: u32,
                    target: u32
                );
                sync pending_req_header_append(
                    h: PendingRequestHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_len: u32,
                    target: u32
                );
                sync pending_req_header_remove(
                    h: PendingRequestHandle, name: GuestPtr<u8>, name_len: u32, target: u32
                );
                sync pending_req_poll(
                    h: PendingRequestHandle, is_done_out: GuestPtr<u32>,
                    response_handle_out: GuestPtr<ResponseHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
                sync pending_req_poll_v2(
                    h: PendingRequestHandle, error_detail: GuestPtr<SendErrorDetail>, is_done_out: GuestPtr<u32>,
                    response_handle_out: GuestPtr<ResponseHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
                async pending_req_wait(
                    h: PendingRequestHandle, response_handle_out: GuestPtr<ResponseHandle>,
                    body_handle_out: GuestPtr<BodyHandle>
                );
                async pending_req_wait_v2(
                    h: PendingRequestHandle, error_detail: GuestPtr<SendErrorDetail>,
                    response_handle_out: GuestPtr<ResponseHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
                async pending_req_select(
                    hs: GuestPtr<PendingRequestHandle>, hs_len: u32, done_idx_out: GuestPtr<u32>,
                    response_handle_out: GuestPtr<ResponseHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
                async pending_req_select_v2(
                    hs: GuestPtr<PendingRequestHandle>, hs_len: u32, error_detail: GuestPtr<SendErrorDetail>,
                    done_idx_out: GuestPtr<u32>, response_handle_out: GuestPtr<ResponseHandle>,
                    body_handle_out: GuestPtr<BodyHandle>
                );
                sync fastly_key_is_valid(out: GuestPtr<u32>);
                sync close(h: RequestHandle);
                sync auto_decompress_response_set(h: RequestHandle, encodings: u32);
                sync upgrade_websocket(backend_name: GuestPtr<u8>, backend_name_len: u32);
                sync redirect_to_websocket_proxy(backend_name: GuestPtr<u8>, backend_name_len: u32);
                sync redirect_to_grip_proxy(backend_name: GuestPtr<u8>, backend_name_len: u32);
                sync redirect_to_websocket_proxy_v2(
                    h: RequestHandle, backend_name: GuestPtr<u8>, backend_name_len: u32
                );
                sync redirect_to_grip_proxy_v2(
                    h: RequestHandle, backend_name: GuestPtr<u8>, backend_name_len: u32
                );
                sync framing_headers_mode_set(h: RequestHandle, mode: u32);
                sync register_dynamic_backend(
                    name_prefix: GuestPtr<u8>, name_prefix_len: u32, target: GuestPtr<u8>, target_len: u32,
                    backend_config_mask: u32, backend_configuration: GuestPtr<DynamicBackendConfig>
                );
                sync inspect(
                    req: RequestHandle, body: BodyHandle, insp_info_mask: u32, insp_info: GuestPtr<InspectInfo>,
                    buf: GuestPtr<u8>, buf_len: u32, out: GuestPtr<u32>
                );
                sync on_behalf_of(req: RequestHandle, service: GuestPtr<u8>, service_len: u32);
                sync downstream_tls_client_servername(
                    servername_out: GuestPtr<u8>, servername_max_len: u32, nwritten_out: GuestPtr<u32>
                );
            }
            fastly_http_resp {
                sync new(out: GuestPtr<ResponseHandle>);
                sync header_names_get(
                    h: ResponseHandle, buf: GuestPtr<u8>, buf_len: u32, cursor: u32,
                    ending_cursor_out: GuestPtr<i64>, nwritten_out: GuestPtr<u32>
                );
                sync header_value_get(
                    h: ResponseHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync header_values_get(
                    h: ResponseHandle, name: GuestPtr<u8>, name_len: u32, buf: GuestPtr<u8>, buf_len: u32,
                    cursor: u32, ending_cursor_out: GuestPtr<i64>, nwritten_out: GuestPtr<u32>
                );
                sync header_values_set(
                    h: ResponseHandle, name: GuestPtr<u8>, name_len: u32, values: GuestPtr<u8>, values_len: u32
                );
                sync header_insert(
                    h: ResponseHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_len: u32
                );
                sync header_append(
                    h: ResponseHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_len: u32
                );
                sync header_remove(h: ResponseHandle, name: GuestPtr<u8>, name_len: u32);
                sync version_get(h: ResponseHandle, out: GuestPtr<u32>);
                sync version_set(h: ResponseHandle, version: u32);
                sync send_downstream(h: ResponseHandle, b: BodyHandle, streaming: u32);
                sync send_downstream_pending(handle: PendingRequestHandle);
                sync status_get(h: ResponseHandle, out: GuestPtr<u16>);
                sync status_set(h: ResponseHandle, status: u32);
                sync close(h: ResponseHandle);
                sync framing_headers_mode_set(h: ResponseHandle, mode: u32);
                sync http_keepalive_mode_set(h: ResponseHandle, mode: u32);
                sync get_addr_dest_ip(h: ResponseHandle, addr_octets_out: GuestPtr<u8>, out: GuestPtr<u32>);
                sync get_addr_dest_port(h: ResponseHandle, out: GuestPtr<u16>);
                sync send_informational_response(resp_handle: ResponseHandle, status: u32);
            }
            fastly_http_body {
                async append(dest: BodyHandle, src: BodyHandle);
                sync new(out: GuestPtr<BodyHandle>);
                async read(h: BodyHandle, buf: GuestPtr<u8>, buf_len: u32, nread_out: GuestPtr<u32>);
                async write(h: BodyHandle, buf: GuestPtr<u8>, buf_len: u32, end: u32, nwritten_out: GuestPtr<u32>);
                sync close(h: BodyHandle);
                sync abandon(h: BodyHandle);
                sync trailer_append(
                    h: BodyHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_len: u32
                );
                sync trailer_names_get(
                    h: BodyHandle, buf: GuestPtr<u8>, buf_len: u32, cursor: u32, ending_cursor_out: GuestPtr<i64>,
                    nwritten_out: GuestPtr<u32>
                );
                sync trailer_value_get(
                    h: BodyHandle, name: GuestPtr<u8>, name_len: u32, value: GuestPtr<u8>, value_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync trailer_values_get(
                    h: BodyHandle, name: GuestPtr<u8>, name_len: u32, buf: GuestPtr<u8>, buf_len: u32, cursor: u32,
                    ending_cursor_out: GuestPtr<i64>, nwritten_out: GuestPtr<u32>
                );
                sync known_length(h: BodyHandle, out: GuestPtr<u64>);
            }
            fastly_http_downstream {
                sync next_request(
                    options_mask: u32, options: GuestPtr<NextRequestOptions>, out: GuestPtr<RequestPromiseHandle>
                );
                async next_request_wait(
                    handle: RequestPromiseHandle, request_handle_out: GuestPtr<RequestHandle>,
                    body_handle_out: GuestPtr<BodyHandle>
                );
                sync next_request_abandon(handle: RequestPromiseHandle);
                sync downstream_original_header_names(
                    req: RequestHandle, buf: GuestPtr<u8>, buf_len: u32, cursor: u32,
                    ending_cursor_out: GuestPtr<i64>, nwritten_out: GuestPtr<u32>
                );
                sync downstream_original_header_count(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_client_ip_addr(req: RequestHandle, addr_octets_out: GuestPtr<u8>, out: GuestPtr<u32>);
                sync downstream_server_ip_addr(req: RequestHandle, addr_octets_out: GuestPtr<u8>, out: GuestPtr<u32>);
                sync downstream_client_h2_fingerprint(
                    req: RequestHandle, h2fp_out: GuestPtr<u8>, h2fp_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_client_request_id(
                    req: RequestHandle, reqid_out: GuestPtr<u8>, reqid_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_client_oh_fingerprint(
                    req: RequestHandle, ohfp_out: GuestPtr<u8>, ohfp_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_client_ddos_detected(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_tls_cipher_openssl_name(
                    req: RequestHandle, cipher_out: GuestPtr<u8>, cipher_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_protocol(
                    req: RequestHandle, protocol_out: GuestPtr<u8>, protocol_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_client_hello(
                    req: RequestHandle, chello_out: GuestPtr<u8>, chello_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_raw_client_certificate(
                    req: RequestHandle, raw_client_cert_out: GuestPtr<u8>, raw_client_cert_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_client_cert_verify_result(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_tls_client_servername(
                    req: RequestHandle, tls_sni_out: GuestPtr<u8>, tls_sni_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_tls_ja3_md5(
                    req: RequestHandle, cja3_md5_out: GuestPtr<u8>, out: GuestPtr<u32>
                );
                sync downstream_tls_ja4(
                    req: RequestHandle, ja4_out: GuestPtr<u8>, ja4_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync downstream_compliance_region(
                    req: RequestHandle, region_out: GuestPtr<u8>, region_max_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync fastly_key_is_valid(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_bot_analyzed(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_bot_detected(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_bot_name(
                    req: RequestHandle, bot_name_out: GuestPtr<u8>, bot_name_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync downstream_bot_category(
                    req: RequestHandle, bot_category_out: GuestPtr<u8>, bot_category_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync downstream_bot_category_kind(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_bot_verified(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_anonymous(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_anonymous_vpn(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_hosting_provider(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_proxy_over_vpn(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_public_proxy(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_relay_proxy(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_residential_proxy(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_smart_dns_proxy(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_tor_exit_node(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_is_vpn_datacenter(req: RequestHandle, out: GuestPtr<u32>);
                sync downstream_resvpnproxy_vpn_service_name(
                    req: RequestHandle, vpn_service_name_out: GuestPtr<u8>, vpn_service_name_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync downstream_visits_this_service(out: GuestPtr<u32>);
                sync downstream_visits_this_pop(out: GuestPtr<u32>);
            }
            fastly_async_io {
                async select(
                    hs: GuestPtr<AsyncItemHandle>, hs_len: u32, timeout_ms: u32, done_index_out: GuestPtr<u32>
                );
                sync is_ready(handle: AsyncItemHandle, ready_out: GuestPtr<u32>);
            }
            fastly_backend {
                sync exists(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync is_healthy(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync is_dynamic(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_host(
                    backend: GuestPtr<u8>, backend_len: u32, value: GuestPtr<u8>, value_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync get_override_host(
                    backend: GuestPtr<u8>, backend_len: u32, value: GuestPtr<u8>, value_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync get_port(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u16>);
                sync get_connect_timeout_ms(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_first_byte_timeout_ms(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_between_bytes_timeout_ms(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_http_keepalive_time(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_tcp_keepalive_enable(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_tcp_keepalive_interval(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_tcp_keepalive_probes(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_tcp_keepalive_time(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync is_ssl(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_ssl_min_version(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_ssl_max_version(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync is_ipv6_preferred(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_max_connections(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_max_use(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
                sync get_max_lifetime_ms(backend: GuestPtr<u8>, backend_len: u32, out: GuestPtr<u32>);
            }
            fastly_log {
                sync endpoint_get(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<LogEndpointHandle>);
                sync write(h: LogEndpointHandle, msg: GuestPtr<u8>, msg_len: u32, nwritten_out: GuestPtr<u32>);
            }
            fastly_dictionary {
                sync open(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<DictionaryHandle>);
                sync get(
                    h: DictionaryHandle, key: GuestPtr<u8>, key_len: u32, value: GuestPtr<u8>, value_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
            }
            fastly_config_store {
                sync open(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<ConfigStoreHandle>);
                sync get(
                    h: ConfigStoreHandle, key: GuestPtr<u8>, key_len: u32, value: GuestPtr<u8>, value_max_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
            }
            fastly_cache {
                sync lookup(
                    cache_key: GuestPtr<u8>, cache_key_len: u32, options_mask: u32,
                    options: GuestPtr<CacheLookupOptions>, out: GuestPtr<CacheHandle>
                );
                sync insert(
                    cache_key: GuestPtr<u8>, cache_key_len: u32, options_mask: u32,
                    options: GuestPtr<CacheWriteOptions>, out: GuestPtr<BodyHandle>
                );
                sync replace(
                    cache_key: GuestPtr<u8>, cache_key_len: u32, options_mask: u32,
                    options: GuestPtr<CacheReplaceOptions>, out: GuestPtr<CacheReplaceHandle>
                );
                async replace_insert(
                    handle: CacheReplaceHandle, options_mask: u32, options: GuestPtr<CacheWriteOptions>,
                    out: GuestPtr<BodyHandle>
                );
                async replace_get_age_ns(handle: CacheReplaceHandle, out: GuestPtr<u64>);
                async replace_get_body(
                    handle: CacheReplaceHandle, options_mask: u32, options: GuestPtr<CacheGetBodyOptions>,
                    out: GuestPtr<BodyHandle>
                );
                async replace_get_hits(handle: CacheReplaceHandle, out: GuestPtr<u64>);
                async replace_get_length(handle: CacheReplaceHandle, out: GuestPtr<u64>);
                async replace_get_max_age_ns(handle: CacheReplaceHandle, out: GuestPtr<u64>);
                async replace_get_stale_while_revalidate_ns(handle: CacheReplaceHandle, out: GuestPtr<u64>);
                async replace_get_state(handle: CacheReplaceHandle, out: GuestPtr<u32>);
                async replace_get_user_metadata(
                    handle: CacheReplaceHandle, user_metadata_out_ptr: GuestPtr<u8>, user_metadata_out_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                async transaction_lookup(
                    cache_key: GuestPtr<u8>, cache_key_len: u32, options_mask: u32,
                    options: GuestPtr<CacheLookupOptions>, out: GuestPtr<CacheHandle>
                );
                sync transaction_lookup_async(
                    cache_key: GuestPtr<u8>, cache_key_len: u32, options_mask: u32,
                    options: GuestPtr<CacheLookupOptions>, out: GuestPtr<CacheBusyHandle>
                );
                async cache_busy_handle_wait(busy_handle: CacheBusyHandle, out: GuestPtr<CacheHandle>);
                sync transaction_insert(
                    handle: CacheHandle, options_mask: u32, options: GuestPtr<CacheWriteOptions>,
                    out: GuestPtr<BodyHandle>
                );
                sync transaction_insert_and_stream_back(
                    handle: CacheHandle, options_mask: u32, options: GuestPtr<CacheWriteOptions>,
                    body_handle_out: GuestPtr<BodyHandle>, cache_handle_out: GuestPtr<CacheHandle>
                );
                sync transaction_update(
                    handle: CacheHandle, options_mask: u32, options: GuestPtr<CacheWriteOptions>
                );
                sync transaction_cancel(handle: CacheHandle);
                sync close_busy(handle: CacheBusyHandle);
                sync close(handle: CacheHandle);
                sync get_state(handle: CacheHandle, out: GuestPtr<u32>);
                sync get_user_metadata(
                    handle: CacheHandle, user_metadata_out_ptr: GuestPtr<u8>, user_metadata_out_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                async get_body(
                    handle: CacheHandle, options_mask: u32, options: GuestPtr<CacheGetBodyOptions>,
                    out: GuestPtr<BodyHandle>
                );
                sync get_length(handle: CacheHandle, out: GuestPtr<u64>);
                sync get_max_age_ns(handle: CacheHandle, out: GuestPtr<u64>);
                sync get_stale_while_revalidate_ns(handle: CacheHandle, out: GuestPtr<u64>);
                sync get_age_ns(handle: CacheHandle, out: GuestPtr<u64>);
                sync get_hits(handle: CacheHandle, out: GuestPtr<u64>);
            }
            fastly_http_cache {
                sync is_request_cacheable(req_handle: RequestHandle, out: GuestPtr<u32>);
                sync get_suggested_cache_key(
                    req_handle: RequestHandle, key_out_ptr: GuestPtr<u8>, key_out_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                sync lookup(
                    req_handle: RequestHandle, options_mask: u32, options: GuestPtr<HttpCacheLookupOptions>,
                    out: GuestPtr<HttpCacheHandle>
                );
                sync transaction_lookup(
                    req_handle: RequestHandle, options_mask: u32, options: GuestPtr<HttpCacheLookupOptions>,
                    out: GuestPtr<HttpCacheHandle>
                );
                async transaction_insert(
                    handle: HttpCacheHandle, resp_handle: ResponseHandle, options_mask: u32,
                    options: GuestPtr<HttpCacheWriteOptions>, out: GuestPtr<BodyHandle>
                );
                async transaction_insert_and_stream_back(
                    handle: HttpCacheHandle, resp_handle: ResponseHandle, options_mask: u32,
                    options: GuestPtr<HttpCacheWriteOptions>, body_handle_out: GuestPtr<BodyHandle>,
                    http_cache_handle_out: GuestPtr<HttpCacheHandle>
                );
                async transaction_update(
                    handle: HttpCacheHandle, resp_handle: ResponseHandle, options_mask: u32,
                    options: GuestPtr<HttpCacheWriteOptions>
                );
                async transaction_update_and_return_fresh(
                    handle: HttpCacheHandle, resp_handle: ResponseHandle, options_mask: u32,
                    options: GuestPtr<HttpCacheWriteOptions>, out: GuestPtr<HttpCacheHandle>
                );
                async transaction_choose_stale(handle: HttpCacheHandle);
                async transaction_record_not_cacheable(
                    handle: HttpCacheHandle, options_mask: u32, options: GuestPtr<HttpCacheWriteOptions>
                );
                async transaction_abandon(handle: HttpCacheHandle);
                sync close(handle: HttpCacheHandle);
                async get_suggested_backend_request(handle: HttpCacheHandle, out: GuestPtr<RequestHandle>);
                async get_suggested_cache_options(
                    handle: HttpCacheHandle, response: ResponseHandle, options_mask: u32,
                    options: GuestPtr<HttpCacheWriteOptions>, options_mask_out: GuestPtr<u32>,
                    options_out: GuestPtr<HttpCacheWriteOptions>
                );
                async prepare_response_for_storage(
                    handle: HttpCacheHandle, response: ResponseHandle, http_storage_action_out: GuestPtr<u32>,
                    response_handle_out: GuestPtr<ResponseHandle>
                );
                async get_found_response(
                    handle: HttpCacheHandle, transform_for_client: u32,
                    response_handle_out: GuestPtr<ResponseHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
                async get_state(handle: HttpCacheHandle, out: GuestPtr<u32>);
                async get_length(handle: HttpCacheHandle, out: GuestPtr<u64>);
                async get_max_age_ns(handle: HttpCacheHandle, out: GuestPtr<u64>);
                async get_stale_while_revalidate_ns(handle: HttpCacheHandle, out: GuestPtr<u64>);
                async get_stale_if_error_ns(handle: HttpCacheHandle, out: GuestPtr<u64>);
                async get_age_ns(handle: HttpCacheHandle, out: GuestPtr<u64>);
                async get_hits(handle: HttpCacheHandle, out: GuestPtr<u64>);
                async get_sensitive_data(handle: HttpCacheHandle, out: GuestPtr<u32>);
                async get_surrogate_keys(
                    handle: HttpCacheHandle, surrogate_keys_out_ptr: GuestPtr<u8>, surrogate_keys_out_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
                async get_vary_rule(
                    handle: HttpCacheHandle, vary_rule_out_ptr: GuestPtr<u8>, vary_rule_out_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
            }
            fastly_shielding {
                sync shield_info(
                    name: GuestPtr<u8>, name_len: u32, info_block: GuestPtr<u8>, info_block_max_len: u32,
                    out: GuestPtr<u32>
                );
                sync backend_for_shield(
                    shield_name: GuestPtr<u8>, shield_name_len: u32, backend_config_mask: u32,
                    backend_configuration: GuestPtr<ShieldBackendConfig>, backend_name_out: GuestPtr<u8>,
                    backend_name_max_len: u32, out: GuestPtr<u32>
                );
            }
            fastly_uap {
                sync parse(
                    user_agent: GuestPtr<u8>, user_agent_len: u32, family: GuestPtr<u8>, family_len: u32,
                    family_nwritten_out: GuestPtr<u32>, major: GuestPtr<u8>, major_len: u32,
                    major_nwritten_out: GuestPtr<u32>, minor: GuestPtr<u8>, minor_len: u32,
                    minor_nwritten_out: GuestPtr<u32>, patch: GuestPtr<u8>, patch_len: u32,
                    patch_nwritten_out: GuestPtr<u32>
                );
            }
            fastly_geo {
                sync lookup(
                    addr_octets: GuestPtr<u8>, addr_len: u32, buf: GuestPtr<u8>, buf_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
            }
            fastly_device_detection {
                sync lookup(
                    user_agent: GuestPtr<u8>, user_agent_len: u32, buf: GuestPtr<u8>, buf_len: u32,
                    nwritten_out: GuestPtr<u32>
                );
            }
            fastly_erl {
                sync check_rate(
                    rc: GuestPtr<u8>, rc_len: u32, entry: GuestPtr<u8>, entry_len: u32, delta: u32, window: u32,
                    limit: u32, pb: GuestPtr<u8>, pb_len: u32, ttl: u32, out: GuestPtr<u32>
                );
                sync ratecounter_increment(
                    rc: GuestPtr<u8>, rc_len: u32, entry: GuestPtr<u8>, entry_len: u32, delta: u32
                );
                sync ratecounter_lookup_rate(
                    rc: GuestPtr<u8>, rc_len: u32, entry: GuestPtr<u8>, entry_len: u32, window: u32,
                    out: GuestPtr<u32>
                );
                sync ratecounter_lookup_count(
                    rc: GuestPtr<u8>, rc_len: u32, entry: GuestPtr<u8>, entry_len: u32, duration: u32,
                    out: GuestPtr<u32>
                );
                sync penaltybox_add(
                    pb: GuestPtr<u8>, pb_len: u32, entry: GuestPtr<u8>, entry_len: u32, ttl: u32
                );
                sync penaltybox_has(
                    pb: GuestPtr<u8>, pb_len: u32, entry: GuestPtr<u8>, entry_len: u32, out: GuestPtr<u32>
                );
            }
            fastly_object_store {
                sync open(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<ObjectStoreHandle>);
                async lookup(
                    store: ObjectStoreHandle, key: GuestPtr<u8>, key_len: u32, body_handle_out: GuestPtr<BodyHandle>
                );
                sync lookup_async(
                    store: ObjectStoreHandle, key: GuestPtr<u8>, key_len: u32,
                    pending_handle_out: GuestPtr<PendingKvLookupHandle>
                );
                async pending_lookup_wait(
                    pending_objstr_handle: PendingKvLookupHandle, body_handle_out: GuestPtr<BodyHandle>
                );
                async insert(
                    store: ObjectStoreHandle, key: GuestPtr<u8>, key_len: u32, body_handle: BodyHandle
                );
                async insert_async(
                    store: ObjectStoreHandle, key: GuestPtr<u8>, key_len: u32, body_handle: BodyHandle,
                    pending_handle_out: GuestPtr<PendingKvInsertHandle>
                );
                async pending_insert_wait(pending_objstr_handle: PendingKvInsertHandle);
                sync delete_async(
                    store: ObjectStoreHandle, key: GuestPtr<u8>, key_len: u32,
                    pending_handle_out: GuestPtr<PendingKvDeleteHandle>
                );
                async pending_delete_wait(pending_objstr_handle: PendingKvDeleteHandle);
                async pending_insert_wait_with_error(
                    handle: PendingKvInsertHandle, kv_error_out: GuestPtr<u32>
                );
            }
            fastly_image_optimizer {
                async transform_image_optimizer_request(
                    origin_image_request: RequestHandle, origin_image_request_body: BodyHandle,
                    origin_image_request_backend: GuestPtr<u8>, origin_image_request_backend_len: u32,
                    io_transform_config_mask: u32,
                    io_transform_configuration: GuestPtr<ImageOptimizerTransformConfig>,
                    io_error_detail: GuestPtr<ImageOptimizerErrorDetail>,
                    response_handle_out: GuestPtr<ResponseHandle>, body_handle_out: GuestPtr<BodyHandle>
                );
            }
            fastly_kv_store {
                sync open(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<KvStoreHandle>);
                sync lookup(
                    store: KvStoreHandle, key: GuestPtr<u8>, key_len: u32, lookup_config_mask: u32,
                    lookup_configuration: GuestPtr<KvLookupConfig>, handle_out: GuestPtr<KvStoreLookupHandle>
                );
                async lookup_wait(
                    handle: KvStoreLookupHandle, body_handle_out: GuestPtr<BodyHandle>, metadata_buf: GuestPtr<u8>,
                    metadata_buf_len: u32, nwritten_out: GuestPtr<u32>, generation_out: GuestPtr<u32>,
                    kv_error_out: GuestPtr<u32>
                );
                async lookup_wait_v2(
                    handle: KvStoreLookupHandle, body_handle_out: GuestPtr<BodyHandle>, metadata_buf: GuestPtr<u8>,
                    metadata_buf_len: u32, nwritten_out: GuestPtr<u32>, generation_out: GuestPtr<u64>,
                    kv_error_out: GuestPtr<u32>
                );
                async insert(
                    store: KvStoreHandle, key: GuestPtr<u8>, key_len: u32, body_handle: BodyHandle,
                    insert_config_mask: u32, insert_configuration: GuestPtr<KvInsertConfig>,
                    handle_out: GuestPtr<KvStoreInsertHandle>
                );
                async insert_wait(handle: KvStoreInsertHandle, kv_error_out: GuestPtr<u32>);
                sync delete(
                    store: KvStoreHandle, key: GuestPtr<u8>, key_len: u32, delete_config_mask: u32,
                    delete_configuration: GuestPtr<KvDeleteConfig>, handle_out: GuestPtr<KvStoreDeleteHandle>
                );
                async delete_wait(handle: KvStoreDeleteHandle, kv_error_out: GuestPtr<u32>);
                sync list(
                    store: KvStoreHandle, list_config_mask: u32, list_configuration: GuestPtr<KvListConfig>,
                    handle_out: GuestPtr<KvStoreListHandle>
                );
                async list_wait(
                    handle: KvStoreListHandle, body_handle_out: GuestPtr<BodyHandle>, kv_error_out: GuestPtr<u32>
                );
                sync open_v2(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<KvStoreHandle>);
                sync lookup_v2(
                    store: KvStoreHandle, key: GuestPtr<u8>, key_len: u32, lookup_config_mask: u32,
                    lookup_configuration: GuestPtr<KvLookupConfig>, handle_out: GuestPtr<KvStoreLookupHandle>
                );
            }
            fastly_secret_store {
                sync open(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<SecretStoreHandle>);
                sync get(
                    h: SecretStoreHandle, key: GuestPtr<u8>, key_len: u32, out: GuestPtr<SecretHandle>
                );
                sync plaintext(
                    secret: SecretHandle, buf: GuestPtr<u8>, buf_len: u32, nwritten_out: GuestPtr<u32>
                );
                sync from_bytes(buf: GuestPtr<u8>, buf_len: u32, out: GuestPtr<SecretHandle>);
            }
            fastly_purge {
                sync purge_surrogate_key(
                    surrogate_key: GuestPtr<u8>, surrogate_key_len: u32, options_mask: u32,
                    options: GuestPtr<PurgeOptions>
                );
            }
            fastly_compute_runtime {
                sync get_vcpu_ms(out: GuestPtr<u64>);
                sync has_domain_inspector(out: GuestPtr<u32>);
                sync has_image_optimizer(out: GuestPtr<u32>);
                sync has_origin_inspector(out: GuestPtr<u32>);
                sync get_heap_mib(out: GuestPtr<u32>);
                sync get_sandbox_id(buf: GuestPtr<u8>, buf_len: u32, nwritten_out: GuestPtr<u32>);
                sync get_trace_id(buf: GuestPtr<u8>, buf_len: u32, nwritten_out: GuestPtr<u32>);
                sync get_hostname(buf: GuestPtr<u8>, buf_len: u32, nwritten_out: GuestPtr<u32>);
                sync get_service_version(buf: GuestPtr<u8>, buf_len: u32, nwritten_out: GuestPtr<u32>);
            }
            fastly_acl {
                sync open(name: GuestPtr<u8>, name_len: u32, out: GuestPtr<AclHandle>);
                sync lookup(
                    acl: AclHandle, ip_octets: GuestPtr<u8>, ip_len: u32, body_handle_out: GuestPtr<BodyHandle>,
                    acl_error_out: GuestPtr<u32>
                );
            }
            wasi_snapshot_preview1 {
                sync args_get(argv: GuestPtr<u32>, argv_buf: GuestPtr<u8>);
                sync args_sizes_get(argc_out: GuestPtr<u32>, argv_buf_size_out: GuestPtr<u32>);
                sync environ_get(environ: GuestPtr<u32>, environ_buf: GuestPtr<u8>);
                sync environ_sizes_get(environc_out: GuestPtr<u32>, environ_buf_size_out: GuestPtr<u32>);
                sync clock_res_get(id: u32, resolution_out: GuestPtr<u64>);
                sync clock_time_get(id: u32, precision: u64, time_out: GuestPtr<u64>);
                sync fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
                sync fd_allocate(fd: u32, offset: u64, len: u64);
                sync fd_close(fd: u32);
                sync fd_datasync(fd: u32);
                sync fd_fdstat_get(fd: u32, fdstat_out: GuestPtr<u64>);
                sync fd_fdstat_set_flags(fd: u32, flags: u32);
                sync fd_fdstat_set_rights(fd: u32, fs_rights_base: u64, fs_rights_inheriting: u64);
                sync fd_filestat_get(fd: u32, filestat_out: GuestPtr<u64>);
                sync fd_filestat_set_size(fd: u32, size: u64);
                sync fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, fst_flags: u32);
                sync fd_pread(fd: u32, iovs: GuestPtr<u32>, iovs_len: u32, offset: u64, nread_out: GuestPtr<u32>);
                sync fd_prestat_get(fd: u32, prestat_out: GuestPtr<u32>);
                sync fd_prestat_dir_name(fd: u32, path: GuestPtr<u8>, path_len: u32);
                sync fd_pwrite(fd: u32, iovs: GuestPtr<u32>, iovs_len: u32, offset: u64, nwritten_out: GuestPtr<u32>);
                sync fd_read(fd: u32, iovs: GuestPtr<u32>, iovs_len: u32, nread_out: GuestPtr<u32>);
                sync fd_readdir(fd: u32, buf: GuestPtr<u8>, buf_len: u32, cookie: u64, bufused_out: GuestPtr<u32>);
                sync fd_renumber(fd: u32, to: u32);
                sync fd_seek(fd: u32, offset: i64, whence: u32, newoffset_out: GuestPtr<u64>);
                sync fd_sync(fd: u32);
                sync fd_tell(fd: u32, offset_out: GuestPtr<u64>);
                sync fd_write(fd: u32, iovs: GuestPtr<u32>, iovs_len: u32, nwritten_out: GuestPtr<u32>);
                sync path_create_directory(fd: u32, path: GuestPtr<u8>, path_len: u32);
                sync path_filestat_get(
                    fd: u32, flags: u32, path: GuestPtr<u8>, path_len: u32, filestat_out: GuestPtr<u64>
                );
                sync path_filestat_set_times(
                    fd: u32, flags: u32, path: GuestPtr<u8>, path_len: u32, atim: u64, mtim: u64, fst_flags: u32
                );
                sync path_link(
                    old_fd: u32, old_flags: u32, old_path: GuestPtr<u8>, old_path_len: u32, new_fd: u32,
                    new_path: GuestPtr<u8>, new_path_len: u32
                );
                sync path_open(
                    fd: u32, dirflags: u32, path: GuestPtr<u8>, path_len: u32, oflags: u32, fs_rights_base: u64,
                    fs_rights_inheriting: u64, fdflags: u32, fd_out: GuestPtr<u32>
                );
                sync path_readlink(
                    fd: u32, path: GuestPtr<u8>, path_len: u32, buf: GuestPtr<u8>, buf_len: u32,
                    bufused_out: GuestPtr<u32>
                );
                sync path_remove_directory(fd: u32, path: GuestPtr<u8>, path_len: u32);
                sync path_rename(
                    fd: u32, old_path: GuestPtr<u8>, old_path_len: u32, new_fd: u32, new_path: GuestPtr<u8>,
                    new_path_len: u32
                );
                sync path_symlink(
                    old_path: GuestPtr<u8>, old_path_len: u32, fd: u32, new_path: GuestPtr<u8>, new_path_len: u32
                );
                sync path_unlink_file(fd: u32, path: GuestPtr<u8>, path_len: u32);
                async poll_oneoff(
                    subscriptions: GuestPtr<u64>, events: GuestPtr<u64>, subscriptions_len: u32,
                    nevents_out: GuestPtr<u32>
                );
                exit proc_exit(code: u32);
                sync proc_raise(signal: u32);
                sync random_get(buf: GuestPtr<u8>, buf_len: u32);
                async sched_yield();
                sync sock_accept(fd: u32, flags: u32, fd_out: GuestPtr<u32>);
                sync sock_recv(
                    fd: u32, ri_data: GuestPtr<u32>, ri_data_len: u32, ri_flags: u32, ro_datalen_out: GuestPtr<u32>,
                    ro_flags_out: GuestPtr<u16>
                );
                sync sock_send(
                    fd: u32, si_data: GuestPtr<u32>, si_data_len: u32, si_flags: u32, so_datalen_out: GuestPtr<u32>
                );
                sync sock_shutdown(fd: u32, how: u32);
            }
        }
    };
}
