//! The cryptography provider of `jsonwebtoken`.
//!
//! Plenary's own tokens are signed and verified with EdDSA (RFC 8037) by `ed25519-dalek`. Tokens of OpenID
//! providers are verified with `ring`, which TLS depends on already, instead of the `rsa` crate, which has a
//! timing side channel (RUSTSEC-2023-0071).

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use signature::{Signer, Verifier};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        only_eddsa(*algorithm)?;
        let key = SigningKey::from_pkcs8_der(key.as_bytes()).map_err(|_| Error::from(ErrorKind::InvalidEddsaKey))?;
        Ok(Box::new(Ed25519Signer(key)))
    },
    verifier_factory: |algorithm, key| {
        // RS256 and ES256 are for tokens of OpenID providers only. `Tokens::verify` accepts EdDSA alone,
        // whatever algorithm the header of a token names.
        if let (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) = (algorithm, key.kind()) {
            return Ok(Box::new(RsaVerifier(RsaPublicKeyComponents { n: n.clone(), e: e.clone() })));
        }
        if *algorithm == Algorithm::ES256 {
            return Ok(Box::new(EcdsaVerifier(key.try_get_as_bytes()?.to_vec())));
        }
        only_eddsa(*algorithm)?;
        let bytes = key.try_get_as_bytes()?;
        let bytes = <&[u8; 32]>::try_from(bytes).map_err(|_| Error::from(ErrorKind::InvalidEddsaKey))?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| Error::from(ErrorKind::InvalidEddsaKey))?;
        Ok(Box::new(Ed25519Verifier(key)))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Installs this provider for the whole process. Further calls have no effect.
pub fn install() {
    let _ = PROVIDER.install_default();
}

fn only_eddsa(algorithm: Algorithm) -> Result<()> {
    if algorithm == Algorithm::EdDSA { Ok(()) } else { Err(ErrorKind::InvalidAlgorithm.into()) }
}

struct Ed25519Signer(SigningKey);

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(Signer::<Signature>::try_sign(&self.0, message)?.to_bytes().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier(VerifyingKey);

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.0.verify_strict(message, &Signature::from_slice(given)?)
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct RsaVerifier(RsaPublicKeyComponents<Vec<u8>>);

impl Verifier<Vec<u8>> for RsaVerifier {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.0.verify(&RSA_PKCS1_2048_8192_SHA256, message, given).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RsaVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct EcdsaVerifier(Vec<u8>);

impl Verifier<Vec<u8>> for EcdsaVerifier {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0);
        key.verify(message, given).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for EcdsaVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

/// Derives the Ed25519 key pair of a seed. Returns it as `jsonwebtoken` expects it, with the raw public key,
/// or `None` if it cannot be encoded.
pub fn keys(seed: &[u8; 32]) -> Option<(EncodingKey, DecodingKey, [u8; 32])> {
    use base64::Engine;
    use ed25519_dalek::pkcs8::EncodePrivateKey;
    let signing = SigningKey::from_bytes(seed);
    let public = signing.verifying_key().to_bytes();
    let der = signing.to_pkcs8_der().ok()?;
    let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(public);
    Some((EncodingKey::from_ed_der(der.as_bytes()), DecodingKey::from_ed_components(&x).ok()?, public))
}
