# The server and the Vault bootstrap, built from the sources beside this file.
FROM node:22-bookworm-slim AS build
WORKDIR /stint
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY vault-dev vault-dev
COPY rig rig
COPY demo demo
COPY bench bench
RUN npx tsc -p tsconfig.build.json --outDir dist && npm prune --omit=dev --omit=optional

FROM node:22-bookworm-slim
WORKDIR /stint
ENV NODE_ENV=production
COPY --from=build /stint/node_modules node_modules
COPY --from=build /stint/dist dist
COPY package.json ./
COPY migrations migrations
COPY vault-dev/policies vault-dev/policies
USER node
EXPOSE 3232
CMD ["node", "dist/src/main.js"]
