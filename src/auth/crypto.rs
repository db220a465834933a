//! Signatures for `jsonwebtoken`: EdDSA (RFC 8037) of our own tokens by `ed25519-dalek`; those of OpenID
//! providers are checked by `ring`, which TLS brings along, and not by the RSA crate, whose timing leaks
//! (RUSTSEC-2023-0071).

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
        // Tokens of OpenID providers; our own are EdDSA, whatever they say of themselves.
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

/// Makes this the process' cryptography for tokens; harmless when done again.
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

/// The keys of a seed, in the forms that `jsonwebtoken` wants, and the public part.
pub fn keys(seed: &[u8; 32]) -> Option<(EncodingKey, DecodingKey, [u8; 32])> {
    use base64::Engine;
    use ed25519_dalek::pkcs8::EncodePrivateKey;
    let signing = SigningKey::from_bytes(seed);
    let public = signing.verifying_key().to_bytes();
    let der = signing.to_pkcs8_der().ok()?;
    let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(public);
    Some((EncodingKey::from_ed_der(der.as_bytes()), DecodingKey::from_ed_components(&x).ok()?, public))
}
