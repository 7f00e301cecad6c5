import { CanActivate, ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { createLocalJWKSet, jwtVerify } from 'jose';

@Injectable()
export class JwtGuard implements CanActivate {
  // createRemoteJWKSet would fetch the same set once, at the first request.
  private readonly keys = createLocalJWKSet(JSON.parse(process.env.JWKS!));

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest();
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    if (scheme.toLowerCase() !== 'bearer' || !token) {
      throw new UnauthorizedException('an access token is required');
    }
    try {
      const { payload } = await jwtVerify(token, this.keys, {
        algorithms: ['EdDSA'],
        typ: 'at+jwt',
        issuer: 'northwind-mesh',
        audience: 'northwind-mesh',
        requiredClaims: ['sub', 'sid', 'jti', 'roles', 'iat', 'nbf', 'exp'],
        clockTolerance: 30,
      });
      request.user = payload;
    } catch {
      throw new UnauthorizedException('the access token is not valid');
    }
    return true;
  }
}
