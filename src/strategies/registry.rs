//! The one list of controls, in the order in which they are shown.

use super::control::Control;
use super::{
    debug_mode, dependency_updates, file_handling, secret_key, session_management,
    template_rendering,
};

pub static CONTROLS: &[&dyn Control] = &[
    // Disable debug mode in production
    &debug_mode::run::DebugRun,
    &debug_mode::config::DebugConfig,
    &debug_mode::environment::DebugEnvironment,
    &debug_mode::guard::DebugGuard,
    &debug_mode::wsgi_server::WsgiServer,
    &debug_mode::deploy_verification::DeployVerification,
    &debug_mode::debug_tests::DebugTests,
    // Manage the secret key securely
    &secret_key::hardcoded::SecretKeyHardcoded,
    &secret_key::fallback::SecretKeyFallback,
    &secret_key::checked::SecretKeyChecked,
    &secret_key::strength::SecretKeyStrength,
    &secret_key::volatile::SecretKeyVolatile,
    &secret_key::committed::SecretKeyCommitted,
    &secret_key::store::SecretKeyStore,
    &secret_key::rotation::SecretKeyRotation,
    // Handle files safely
    &file_handling::send_file_path::SendFilePath,
    &file_handling::send_directory_base::SendDirectoryBase,
    &file_handling::filename_containment::FilenameContainment,
    &file_handling::file_open::FileOpen,
    &file_handling::upload_filename::UploadFilename,
    &file_handling::extension_allowlist::ExtensionAllowlist,
    &file_handling::send_directory_links::SendDirectoryLinks,
    &file_handling::directory_absolute::DirectoryAbsolute,
    // Render templates securely
    &template_rendering::template_injection::TemplateInjection,
    &template_rendering::inline_template::InlineTemplate,
    &template_rendering::markup_input::MarkupInput,
    &template_rendering::html_response::HtmlResponse,
    &template_rendering::autoescape::Autoescape,
    &template_rendering::template_attribute::TemplateAttribute,
    &template_rendering::escape_import::EscapeImport,
    &template_rendering::content_security_policy::ContentSecurityPolicy,
    &template_rendering::content_security_policy_strength::ContentSecurityPolicyStrength,
    // Keep sessions on the server
    &session_management::session_backend::SessionBackend,
    &session_management::session_backend_safe::SessionBackendSafe,
    &session_management::session_cookie_secure::SessionCookieSecure,
    &session_management::session_cookie_httponly::SessionCookieHttponly,
    &session_management::session_cookie_samesite::SessionCookieSamesite,
    &session_management::session_lifetime::SessionLifetime,
    &session_management::session_migration::SessionMigration,
    &session_management::cookie_flags::CookieFlags,
    // Keep Flask and Werkzeug updated
    &dependency_updates::declared::DependenciesDeclared,
    &dependency_updates::vulnerable::DependenciesVulnerable,
    &dependency_updates::audit_ci::DependenciesAuditCi,
    &dependency_updates::automated::DependenciesAutomated,
    &dependency_updates::advisories::DependenciesAdvisories,
];

/// The control of that id.
pub fn by_id(id: &str) -> Option<&'static dyn Control> {
    CONTROLS
        .iter()
        .copied()
        .find(|control| control.about().id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::About;
    use crate::strategies::strategy::STRATEGIES;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut ids: Vec<_> = CONTROLS.iter().map(|control| control.about().id).collect();
        let is_kebab = |id: &&str| id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(ids.iter().all(is_kebab));
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn every_control_bears_on_threats_of_its_strategy() {
        for control in CONTROLS {
            let about = control.about();
            let known = |id: &&str| about.strategy.threats.iter().any(|threat| threat.id == *id);
            assert!(!about.threats.is_empty(), "{}", about.id);
            assert!(about.threats.iter().all(known), "{}", about.id);
        }
    }

    #[test]
    fn every_threat_has_a_control() {
        for strategy in STRATEGIES {
            for threat in strategy.threats {
                let mut abouts = CONTROLS.iter().map(|control| control.about());
                let bears_on = |about: &About| {
                    about.strategy.id == strategy.id && about.threats.contains(&threat.id)
                };
                assert!(abouts.any(bears_on), "{}: {}", strategy.id, threat.id);
            }
        }
    }

    #[test]
    fn every_control_has_a_page() {
        for control in CONTROLS {
            let about = control.about();
            let heading = format!("# {}", about.id);
            assert!(about.page.starts_with(&heading), "{}", about.id);
        }
    }
}
