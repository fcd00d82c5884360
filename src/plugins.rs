//! The ordered list of plugins: a query meets them from top to bottom.

use catena_plugin::Registration;

/// All plugins of this build. Order is meaning; a comment says why where it is not plain.
pub static PLUGINS: &[&Registration] = &[
    // First: sets the folder that other plugins read files from.
    #[cfg(feature = "root")]
    &catena_root::PLUGIN,
    // Before all that read or set metadata.
    #[cfg(feature = "metadata")]
    &catena_metadata::PLUGIN,
    #[cfg(feature = "cancel")]
    &catena_cancel::PLUGIN,
    #[cfg(feature = "reload")]
    &catena_reload::PLUGIN,
    #[cfg(feature = "nsid")]
    &catena_nsid::PLUGIN,
    #[cfg(feature = "bufsize")]
    &catena_bufsize::PLUGIN,
    #[cfg(feature = "bind")]
    &catena_bind::PLUGIN,
    #[cfg(feature = "debug")]
    &catena_debug::PLUGIN,
    #[cfg(feature = "ready")]
    &catena_ready::PLUGIN,
    #[cfg(feature = "health")]
    &catena_health::PLUGIN,
    #[cfg(feature = "pprof")]
    &catena_pprof::PLUGIN,
    // Counts what the plugins below make of a query.
    #[cfg(feature = "prometheus")]
    &catena_prometheus::PLUGIN,
    #[cfg(feature = "errors")]
    &catena_errors::PLUGIN,
    #[cfg(feature = "log")]
    &catena_log::PLUGIN,
    #[cfg(feature = "local")]
    &catena_local::PLUGIN,
    #[cfg(feature = "any")]
    &catena_any::PLUGIN,
    #[cfg(feature = "chaos")]
    &catena_chaos::PLUGIN,
    #[cfg(feature = "loadbalance")]
    &catena_loadbalance::PLUGIN,
    // Takes signatures off before anything looks at what is asked.
    #[cfg(feature = "tsig")]
    &catena_tsig::PLUGIN,
    #[cfg(feature = "rewrite")]
    &catena_rewrite::PLUGIN,
    // Asks the cache for every name it tries.
    #[cfg(feature = "autopath")]
    &catena_autopath::PLUGIN,
    #[cfg(feature = "acl")]
    &catena_acl::PLUGIN,
    // Before the cache: clients may see different hosts, and answers come from memory anyway.
    #[cfg(feature = "serviceentry")]
    &catena_serviceentry::PLUGIN,
    #[cfg(feature = "cache")]
    &catena_cache::PLUGIN,
    #[cfg(feature = "header")]
    &catena_header::PLUGIN,
    // Sees no query: says which certificate the listeners show.
    #[cfg(feature = "tls")]
    &catena_tls::PLUGIN,
    #[cfg(feature = "minimal")]
    &catena_minimal::PLUGIN,
    #[cfg(feature = "template")]
    &catena_template::PLUGIN,
    // Before the plugins whose zones it sends.
    #[cfg(feature = "transfer")]
    &catena_transfer::PLUGIN,
    #[cfg(feature = "hosts")]
    &catena_hosts::PLUGIN,
    #[cfg(feature = "k8s_external")]
    &catena_k8s_external::PLUGIN,
    // Where its authors put it: before the plugin that it is made of several of.
    #[cfg(feature = "kubernetai")]
    &catena_kubernetai::PLUGIN,
    #[cfg(feature = "kubernetes")]
    &catena_kubernetes::PLUGIN,
    // Like kubernetes, of which its zone is often a part.
    #[cfg(feature = "rpcservice")]
    &catena_rpcservice::PLUGIN,
    // Before what is only read: a name that was written must not hide behind another source.
    #[cfg(feature = "dynapi")]
    &catena_dynapi::PLUGIN,
    #[cfg(feature = "file")]
    &catena_file::PLUGIN,
    #[cfg(feature = "etcd")]
    &catena_plugin_etcd::PLUGIN,
    // Right before what may lead back here.
    #[cfg(feature = "loop")]
    &catena_loop::PLUGIN,
    #[cfg(feature = "forward")]
    &catena_forward::PLUGIN,
    // A template, in builds that ask for it.
    #[cfg(feature = "example")]
    &catena_example::PLUGIN,
    #[cfg(feature = "erratic")]
    &catena_erratic::PLUGIN,
    #[cfg(feature = "whoami")]
    &catena_whoami::PLUGIN,
    #[cfg(feature = "on")]
    &catena_on::PLUGIN,
    // Sees no query: its block is chosen before.
    #[cfg(feature = "view")]
    &catena_view::PLUGIN,
];

/// The list with `plugin` before the one called `name`, or at the end if there is none.
///
/// For a build with plugins of its own; called once, the list lives as long as the process.
pub fn with_before(name: &str, plugin: &'static Registration) -> &'static [&'static Registration] {
    let mut plugins = PLUGINS.to_vec();
    let place = plugins.iter().position(|known| known.name == name);
    plugins.insert(place.unwrap_or(plugins.len()), plugin);
    plugins.leak()
}
