import type { OpenAPIObject } from '@nestjs/swagger';

/** The application's document, built when it is first asked for: a start does not pay for it. */
export class OpenApiSource {
  private build: () => OpenAPIObject = () => {
    throw new Error('The application is not assembled yet.');
  };
  private built: OpenAPIObject | undefined;
  private json: string | undefined;

  use(build: () => OpenAPIObject): void {
    this.build = build;
  }

  document(): OpenAPIObject {
    return (this.built ??= this.build());
  }

  text(): string {
    return (this.json ??= JSON.stringify(this.document()));
  }
}
