# Built in one stage, run from another that holds the compiled files and the packages they need, and no compiler.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

# The simulated Anthropic API, for `--profile simulator`. It runs from its source: it is a tool, not part of the product.
FROM build AS simulator
USER node
EXPOSE 4010
ENTRYPOINT ["node", "--import", "tsx", "scripts/simulator.ts"]

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund

FROM node:24-slim AS sluice
ENV NODE_ENV=production SLUICE_DATA_DIR=/data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY bin ./bin
RUN mkdir /data && chown node:node /data
# Keys of the first start and the session's secret; the stores are elsewhere.
VOLUME /data
USER node
EXPOSE 3000
ENTRYPOINT ["node", "bin/sluice.js"]
CMD ["start"]
