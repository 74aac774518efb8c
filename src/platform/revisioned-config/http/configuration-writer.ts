import type { FastifyReply } from 'fastify';
import { waitMilliseconds } from '../../http/query.dto.js';
import { OPERATIONS_PATH } from '../../operations/operation-responder.js';
import type { OperationsService } from '../../operations/operations.service.js';
import type { ChangeRequest, ConfigurationView } from '../configuration-kind.js';
import type { ConfigurationMount, Rollout } from './configuration-mount.js';
import type { ConfigurationWriteQueryDto, DryRunDto } from './configuration.dto.js';

/** A document as it goes over the wire: its members beside what the engine knows about it. */
export type ConfigurationBody<T extends object> = T & Omit<ConfigurationView<T>, 'document'>;

export function bodyOf<T extends object>({ document, ...rest }: ConfigurationView<T>): ConfigurationBody<T> {
  return { ...rest, ...document };
}

/** Carries a change out, or says what it would do, and answers as all configuration writes do. */
export class ConfigurationWriter<T extends object> {
  constructor(
    private readonly mount: ConfigurationMount<T>,
    private readonly operations: OperationsService,
  ) {}

  async write(
    request: ChangeRequest,
    query: ConfigurationWriteQueryDto,
    reply: FastifyReply,
  ): Promise<ConfigurationBody<T> | DryRunDto> {
    if (query.dryRun) return this.#dryRun(request);
    let rollout: Rollout | undefined;
    const view = await this.mount.documents.change(request, async () => {
      rollout = (await this.#runs(request)) ? await this.mount.rollout() : undefined;
      return rollout?.writes ?? [];
    });
    await this.#settle(rollout, query, reply);
    return bodyOf(view);
  }

  /** Brings the built-in default back. */
  async restoreBuiltIn(request: Omit<ChangeRequest, 'change' | 'target'>): Promise<void> {
    await this.mount.documents.restoreBuiltIn(request, async () =>
      (await this.#runs({ target: 'default' })) ? ((await this.mount.rollout())?.writes ?? []) : [],
    );
  }

  async #dryRun(request: ChangeRequest): Promise<DryRunDto> {
    const { before, after, document, diff } = await this.mount.documents.prepare(request);
    const running = (await this.#runs(request))
      ? { before, after }
      : await this.mount.documents
          .effective()
          .then((active) => ({ before: active.document, after: active.document }));
    return { document, diff, ...(await this.mount.preview(running.before, running.after)) };
  }

  /** Whether the document is what runs: the default is, until an active one was written. */
  async #runs({ target }: Pick<ChangeRequest, 'target'>): Promise<boolean> {
    return target === 'active' || (await this.mount.documents.effective()).revision === 0;
  }

  /** `200` at once or when it was rolled out, `202` when the wait ended before. */
  async #settle(
    rollout: Rollout | undefined,
    query: ConfigurationWriteQueryDto,
    reply: FastifyReply,
  ): Promise<void> {
    if (!rollout) return;
    void reply.header('location', `${OPERATIONS_PATH}/${rollout.operationId}`);
    const timeout = waitMilliseconds(query);
    if (timeout === undefined) return;
    const { document } = await this.operations.wait(rollout.operationId, timeout);
    void reply.code(document.phase === 'succeeded' ? 200 : 202);
  }
}
