import { html, page } from './html.js'

/** What somebody sees who opens the gateway's address in a browser. */
export const landingPage = (): string =>
  page(
    'API',
    html`<h1>A marketplace that keeps its books</h1>
      <p class="lead">This is the API gateway: the one public door. Browse, fill a cart, place an order, and hear of it.</p>
      <ul class="cards">
        <li>
          <a href="/docs"><strong>Reference</strong><span>Every route, with what it takes and answers</span></a>
        </li>
        <li>
          <a href="/v1/products?limit=3"><strong>Products</strong><span>Try the catalogue; no account needed</span></a>
        </li>
        <li>
          <a href="/oidc/.well-known/openid-configuration"><strong>Sign-in</strong><span>OpenID Connect discovery</span></a>
        </li>
        <li>
          <a href="/problems"><strong>Problems</strong><span>What each error means and what to do</span></a>
        </li>
      </ul>`,
  )

/** The same for programs. */
export const LINKS = {
  name: 'Catamaran',
  links: {
    reference: '/docs',
    openapi: '/openapi.json',
    problems: '/problems',
    openidConfiguration: '/oidc/.well-known/openid-configuration',
    products: '/v1/products',
  },
}
